namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// Where a container is in its life. CRI sees CREATED for the first three (Creating is not listed), RUNNING for the next two.
/// </summary>
public enum ContainerPhase
{
    Creating,
    Created,
    Starting,
    Running,
    Stopping,
    Exited,
    Removing,
}

/// <summary>What can happen to a container.</summary>
public enum ContainerEvent
{
    /// <summary>Snapshot, mount, bundle and shim are there.</summary>
    Prepared,
    StartRequested,

    /// <summary>The shim says that the init runs.</summary>
    Started,
    StopRequested,

    /// <summary>The init has ended, runc refused it, or its shim is lost.</summary>
    Ended,
    RemoveRequested,
}
