using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Events;

/// <summary>Makes events of what happens to containers.</summary>
internal sealed class ContainerEventSource(EventFeed feed, ISandboxStore sandboxes) : IContainerObserver
{
    public void Changed(ContainerEntry entry, ContainerChange change)
    {
        var type = change switch
        {
            ContainerChange.Created => ContainerEventType.ContainerCreatedEvent,
            ContainerChange.Started => ContainerEventType.ContainerStartedEvent,
            ContainerChange.Stopped => ContainerEventType.ContainerStoppedEvent,
            _ => ContainerEventType.ContainerDeletedEvent,
        };
        var sandbox = sandboxes.Find(entry.Record.SandboxId);
        if (change == ContainerChange.FoundStopped) feed.Found(entry.Id, sandbox);
        else feed.Publish(entry.Id, type, sandbox);
    }
}
