using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Swap;

/// <summary>What a swap has come to.</summary>
/// <param name="Generation">Current then.</param>
internal sealed record SwapEnd(SwapOutcome Outcome, uint Generation, string Cause)
{
    public int Pid { get; init; }

    public ulong PidStartTicks { get; init; }

    public static SwapEnd Of(SwapResult result) =>
        new(result.Outcome, result.Generation, result.Cause) { Pid = result.Pid, PidStartTicks = result.PidStartTicks };

    /// <summary>As swap.json says; one that was cut off has ended the container, or is not known any more after a reboot.</summary>
    public static SwapEnd Of(SwapRecord? journal, uint recorded) => journal is { Swap: { Phase: SwapPhase.Done } swap }
        ? new SwapEnd(swap.Outcome, journal.Current, swap.Cause)
        : new SwapEnd(SwapOutcome.Ended, journal?.Current ?? recorded, "");
}
