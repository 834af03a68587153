namespace ShimRuntime.Integration.Tests;

/// <summary>What goes wrong in a swap, or is asked for meanwhile.</summary>
public enum SwapFault
{
    /// <summary>SIGKILL to the new one: to runc while it makes it, to its init from then on.</summary>
    NewDies,

    /// <summary>Its readiness never says so.</summary>
    NeverReady,

    /// <summary>SIGKILL to the old one's init.</summary>
    OldDies,

    /// <summary>The new one takes memory without end.</summary>
    OomOfNew,

    /// <summary>The old one takes memory without end.</summary>
    OomOfOld,

    /// <summary>SIGKILL.</summary>
    ShimKilled,

    /// <summary>SIGKILL, and another one is started.</summary>
    DaemonKilled,

    /// <summary>StopContainer.</summary>
    Stop,

    /// <summary>StopPodSandbox.</summary>
    StopPodSandbox,

    /// <summary>UpdateContainerResources.</summary>
    Update,

    /// <summary>ReopenContainerLog.</summary>
    ReopenLog,

    /// <summary>An ExecSync that does not end by itself.</summary>
    ExecRuns,

    /// <summary>Swap, with the request_id of the one under way.</summary>
    SameSwap,

    /// <summary>Swap, with another request_id.</summary>
    OtherSwap,

    /// <summary>RemoveImage of both images.</summary>
    ImageRemoved,

    /// <summary>No byte is free in the daemon's directories, durable and volatile.</summary>
    DiskFull,
}
