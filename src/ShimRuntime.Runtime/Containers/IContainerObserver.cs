namespace ShimRuntime.Runtime.Containers;

/// <summary>Is told what happens to containers, in order, under the gate of the one it happens to: it must not wait.</summary>
public interface IContainerObserver
{
    void Changed(ContainerEntry entry, ContainerChange change);
}

/// <summary>What the world is told of a container's life; each at most once, in this order.</summary>
public enum ContainerChange
{
    Created,
    Started,
    Stopped,

    /// <summary>Stopped, while no daemon ran.</summary>
    FoundStopped,
    Deleted,
}
