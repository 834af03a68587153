using ShimRuntime.ShimProtocol.V1;
using static ShimRuntime.Shim.Swaps.SwapTrigger;
using static ShimRuntime.ShimProtocol.V1.SwapPhase;

namespace ShimRuntime.Shim.Swaps;

/// <summary>
/// The phases of a swap, pure; effects are <see cref="SwapOperation"/>'s.
/// <code>
///   L0, L1   Prepare -> Create -> Drain -> Start -> Ready -> Commit -> Probation -> Done
///   L2, L3   Prepare -> Create -> Start -> Ready -> Commit -> Drain -> Probation -> Done
///                 |        |        |        |                  |          |
///                 |        |        |        | abort, failure   |          | failure, rollback
///                 +--------+--------+--------+                  +----+-----+
///                          |                 |                       |
///      the old one serves: Undo -> Done      it has ended: Revert ---+--> Done
/// </code>
/// Before Commit a failure costs nothing where the old one serves; where it has been ended, its spec comes back as the next generation
/// (Revert). KEEP_NEW keeps a new one that never became ready, and its end is then the container's. The old one's own end before Commit:
/// a new one that runs goes on alone; else the container has ended. A stop ends every swap at once.
/// </summary>
internal static class SwapLifecycle
{
    /// <summary>The phase after <paramref name="happened"/>; null: it changes nothing there.</summary>
    public static SwapPhase? Next(SwapPhase phase, SwapTrigger happened, SwapFacts facts) => (phase, happened) switch
    {
        (Done, _) => null,
        (_, StopAsked) => Done,

        (Prepare, Advanced) => Create,
        (Create, Advanced) => facts.Overlaps ? Start : Drain,
        (Start, Advanced) => Ready,
        (Ready, Advanced) => Commit,
        (Commit, Advanced) => facts.Overlaps ? Drain : Probation,
        (Drain, OldEnded) => facts.Overlaps ? Probation : Start,
        (Probation, Advanced) => Done,

        (Prepare or Create, Failed or NewEnded or AbortAsked or RollbackAsked) => Undo,
        (Prepare or Create, OldEnded) => Done, // the container has ended: nothing new runs yet

        (Start or Ready, AbortAsked or RollbackAsked) => facts.OldServes ? Undo : Revert,
        (Start or Ready, Failed or NewEnded) => facts.OldServes ? Undo : facts.KeepsNew ? Done : Revert,
        (Ready, NeverReady) => facts.KeepsNew ? Commit : facts.OldServes ? Undo : Revert,
        (Ready, OldEnded) => Commit, // the new one runs, and is all there is

        (Drain, NewEnded) when !facts.Overlaps => Revert, // it has never run
        (Drain or Probation, NewEnded) => facts.KeepsNew ? Done : Revert,
        (Drain or Probation, RollbackAsked) => Revert,
        (Drain, AbortAsked) when !facts.Overlaps => Revert, // its signal can't be taken back

        (Undo, Advanced) => Done,
        (Undo, OldEnded) => Done,
        (Revert, Advanced) => Done,
        (Revert, Failed) => Done, // the old spec does not run any more either: the container has ended

        _ => null,
    };

    /// <summary>What a swap that is done has come to, by the phase that it was in and what ended it.</summary>
    public static SwapOutcome Outcome(SwapPhase last, SwapTrigger happened) => (last, happened) switch
    {
        (_, StopAsked) => SwapOutcome.Preempted,
        (Probation, Advanced) => SwapOutcome.Swapped,
        (Undo, Advanced) => SwapOutcome.Undone,
        (Revert, Advanced) => SwapOutcome.Reverted,
        _ => SwapOutcome.Ended,
    };

    /// <summary>The new generation is current from here on.</summary>
    public static bool IsCommitted(SwapPhase phase, bool overlaps) => phase is Commit or Probation || (phase is Drain && overlaps);
}
