using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Sandboxes;

/// <content>
/// What subscribers are told of a sandbox, under its own id, as containerd does it: created and started once it is ready, stopped once its
/// init has died or StopPodSandbox has released everything, deleted with its last status, by which kubelet knows the pod.
/// </content>
public sealed partial class SandboxService
{
    private void TellReady(Sandbox sandbox)
    {
        _parts.Events?.Publish(sandbox.Id, ContainerEventType.ContainerCreatedEvent, sandbox);
        _parts.Events?.Publish(sandbox.Id, ContainerEventType.ContainerStartedEvent, sandbox);
    }

    private void TellEnd(SandboxEntry entry)
    {
        if (entry.EndTold) return;
        entry.EndTold = true;
        _parts.Events?.Publish(entry.Id, ContainerEventType.ContainerStoppedEvent, entry.Current);
    }

    /// <summary>It ended while no daemon ran.</summary>
    private void TellFound(SandboxEntry entry)
    {
        entry.EndTold = true;
        _parts.Events?.Found(entry.Id, entry.Current);
    }

    private void TellDeleted(SandboxEntry entry) =>
        _parts.Events?.Publish(entry.Id, ContainerEventType.ContainerDeletedEvent, entry.Current);
}
