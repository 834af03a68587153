using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Events;

/// <summary>
/// GetContainerEvents: every change of a container's or a sandbox's state, in the order in which it happened, to each subscriber through a
/// queue of its own.
/// <code>
///   under the gate of what changes:  state changes -> Publish: number, time, the pod's statuses, every queue
///   Subscribe:                       a change is either in what a list shows afterwards, or in the queue, or both
/// </code>
/// The lock is innermost and covers no wait. Without subscribers an event costs its number.
/// </summary>
internal sealed class EventFeed(Func<string, IReadOnlyList<ContainerStatus>> statusesOf) : IEventService
{
    private readonly Lock _lock = new();
    private readonly HashSet<EventSubscription> _subscribers = [];
    private readonly Dictionary<string, Change> _found = new(StringComparer.Ordinal);
    private ulong _sequence;
    private ulong _cutOff;
    private long _lastNanos;

    public IEventSubscription Subscribe()
    {
        lock (_lock)
        {
            var subscription = new EventSubscription(this, _sequence);
            _subscribers.Add(subscription);
            foreach (var change in _found.Values) Deliver(subscription, Build(change));
            return subscription;
        }
    }

    public EventFeedState State
    {
        get
        {
            lock (_lock) return new EventFeedState(_sequence, _subscribers.Count, _cutOff);
        }
    }

    public void ContinueFrom(ulong sequence)
    {
        lock (_lock) _sequence += sequence;
    }

    /// <summary>A change that has just become visible.</summary>
    /// <param name="sandbox">The pod as it is now, or as it was before it was removed; null: gone.</param>
    public void Publish(string id, ContainerEventType type, Sandbox? sandbox)
    {
        lock (_lock)
        {
            _sequence++;
            if (type == ContainerEventType.ContainerDeletedEvent) _found.Remove(id);
            if (_subscribers.Count == 0) return;
            var message = Build(new Change(id, type, sandbox, Now()));
            _subscribers.RemoveWhere(s => !Deliver(s, message));
        }
    }

    /// <summary>
    /// An end that happened while no daemon ran, and that nobody can have been told: told to each subscriber first of all, until the container
    /// or sandbox is removed.
    /// </summary>
    public void Found(string id, Sandbox? sandbox)
    {
        lock (_lock)
        {
            _sequence++;
            _found[id] = new Change(id, ContainerEventType.ContainerStoppedEvent, sandbox, Now());
        }
    }

    internal void Leave(EventSubscription subscription)
    {
        lock (_lock) _subscribers.Remove(subscription);
    }

    private bool Deliver(EventSubscription subscriber, QueuedEvent message)
    {
        if (subscriber.Offer(message)) return true;
        _cutOff++;
        return false;
    }

    private QueuedEvent Build(Change change)
    {
        var message = ToCri(change);
        return new QueuedEvent(message, message.CalculateSize());
    }

    private ContainerEventResponse ToCri(Change change)
    {
        var message = new ContainerEventResponse { ContainerId = change.Id, ContainerEventType = change.Type, CreatedAt = change.AtNanos };
        if (change.Sandbox is not { } sandbox) return message; // kubelet passes such an event over: the pod's own deletion says all
        message.PodSandboxStatus = SandboxViews.ToStatus(sandbox);
        message.ContainersStatuses.AddRange(statusesOf(sandbox.Id));
        return message;
    }

    /// <summary>Rises with every event also when the wall clock steps back: kubelet drops statuses that look older than what it has.</summary>
    private long Now() => _lastNanos = Math.Max(UnixTime.NowNanos(), _lastNanos + 1);

    private sealed record Change(string Id, ContainerEventType Type, Sandbox? Sandbox, long AtNanos);
}
