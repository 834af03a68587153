namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>What is to be done with a sandbox that an earlier daemon left.</summary>
internal enum SandboxRecoveryAction
{
    /// <summary>Never finished: release everything under the id in the background; the name is free at once.</summary>
    Undo,

    /// <summary>Ready, and watched again.</summary>
    Adopt,

    /// <summary>Listed NotReady until kubelet stops and removes it.</summary>
    NotReady,

    /// <summary>Stopped, and stays so.</summary>
    Stopped,

    /// <summary>Listed NotReady; the stop goes on in the background.</summary>
    FinishStop,

    /// <summary>Listed NotReady; the removal goes on in the background.</summary>
    FinishRemoval,
}

/// <summary>Record on disk × what is still there → action: a pure function, see "Sandboxes" in the architecture's recovery table.</summary>
internal static class SandboxRecovery
{
    /// <param name="sameBoot">The record is of this boot: pins and processes may still be there.</param>
    /// <param name="intact">Every pin that the sandbox has is in place, and its init lives where it has one.</param>
    public static SandboxRecoveryAction Decide(SandboxPhase phase, bool sameBoot, bool intact) => (phase, sameBoot, intact) switch
    {
        (SandboxPhase.Removing, _, _) => SandboxRecoveryAction.FinishRemoval,
        (SandboxPhase.Stopped, _, _) => SandboxRecoveryAction.Stopped,
        (SandboxPhase.Stopping, _, _) => SandboxRecoveryAction.FinishStop,
        // Of another boot it may have been Ready, which is not synced; containers' ends that were are to find their pod.
        (SandboxPhase.Creating, true, _) => SandboxRecoveryAction.Undo,
        (SandboxPhase.Ready, true, true) => SandboxRecoveryAction.Adopt,
        _ => SandboxRecoveryAction.NotReady,
    };
}
