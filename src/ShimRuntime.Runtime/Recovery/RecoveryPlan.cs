using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>
/// What a new daemon does about one container that an earlier one left: the architecture's recovery table, pure. First match wins.
/// </summary>
/// <remarks>
/// Row 10, a directory without a record, is no container's and is found by comparing directories with records. Row 7 is last among the
/// living: silence is never a reason to kill.
/// </remarks>
public static class RecoveryPlan
{
    public static RecoveryAction Decide(RecoveryFacts facts) => facts switch
    {
        { Recorded: ContainerPhase.Removing } => RecoveryAction.FinishRemoval, // 1
        { HasExit: true } or { Recorded: ContainerPhase.Exited } => RecoveryAction.KeepExited, // 2
        { Recorded: ContainerPhase.Creating } => RecoveryAction.UndoCreate, // 3
        { SameBoot: false } => RecoveryAction.EndUnknown, // 4
        { Shim: ShimAnswer.Exited } => RecoveryAction.AdoptEnd, // 5, its end known to the shim alone
        { Shim: not (ShimAnswer.Dead or ShimAnswer.Silent), NewGeneration: false } => RecoveryAction.Adopt, // 5
        { Shim: not (ShimAnswer.Dead or ShimAnswer.Silent) } => RecoveryAction.AdoptGeneration, // 6
        { Shim: ShimAnswer.Silent } => RecoveryAction.AdoptSilent, // 7
        { InitAlive: true } => RecoveryAction.KillLost, // 8
        _ => RecoveryAction.EndUnknown, // 9
    };
}

/// <summary>What is known of one container before anything is done about it.</summary>
/// <param name="Recorded">The phase in record.json.</param>
/// <param name="HasExit">exit.json is there and readable.</param>
/// <param name="SameBoot">The record is of this boot of the machine.</param>
/// <param name="NewGeneration">The shim has committed another generation than the record names.</param>
/// <param name="InitAlive">The leaf cgroup has processes.</param>
public readonly record struct RecoveryFacts(
    ContainerPhase Recorded, bool HasExit, bool SameBoot, ShimAnswer Shim, bool NewGeneration, bool InitAlive);

/// <summary>What the container's shim says.</summary>
public enum ShimAnswer
{
    /// <summary>The process that the record names is gone.</summary>
    Dead,

    /// <summary>It lives and did not answer within the deadline.</summary>
    Silent,
    Created,
    Starting,
    Running,
    Stopping,
    Exited,
}

/// <summary>What is to be done.</summary>
public enum RecoveryAction
{
    FinishRemoval,
    KeepExited,
    UndoCreate,
    Adopt,
    AdoptEnd,
    AdoptGeneration,
    AdoptSilent,
    KillLost,
    EndUnknown,
}
