using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Upgrades;

/// <summary>Which states this shim writes and reads: the rule is in proto/shim/v1/state.proto.</summary>
internal static class StateSchema
{
#if PREVIOUS_STATE_SCHEMA
    // What the release before would be, for tests of both directions (eng/publish.proj, target PublishPreviousShim).
    public const uint Current = 1;
#else
    public const uint Current = 2;
#endif

    /// <summary>States below it are not read any more: their shims have to be replaced by a release between.</summary>
    public const uint OldestRead = 1;

    public static bool CarriesSwaps => Current >= 2;

    /// <summary>The lowest schema that loses nothing of this container.</summary>
    public static uint LowestReaderOf(SavedContainer container) => container.Swap is { Result: null } ? 2u : 1u;

    /// <exception cref="RuntimeFault">FailedPrecondition: this shim would lose something, or does not know enough.</exception>
    public static void Check(SavedShim saved)
    {
        if (saved.LowestReader > Current)
        {
            throw RuntimeFault.FailedPrecondition(
                $"the state of shim {saved.Writer} is of schema {saved.Schema} and holds what only schema {saved.LowestReader} knows, as a swap under way; "
                + $"shim {Dispatch.Version} reads schema {Current}; try again when no swap is under way");
        }

        if (saved.Schema < OldestRead)
        {
            throw RuntimeFault.FailedPrecondition(
                $"the state of shim {saved.Writer} is of schema {saved.Schema}; shim {Dispatch.Version} reads {OldestRead} and later; upgrade by a release between");
        }
    }
}
