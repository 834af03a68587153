using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Events;

/// <summary>One subscriber's queue. Full means that its client does not read: it is cut off, and nobody waits for it.</summary>
internal sealed class EventSubscription(EventFeed feed, ulong sequence) : IEventSubscription
{
    /// <summary>A node that starts 500 containers at once makes some 1,500 events.</summary>
    internal const int MaxEvents = 4096;

    /// <summary>An event carries the statuses of the whole pod, annotations included.</summary>
    internal const long MaxBytes = 32 * 1024 * 1024;

    private readonly Channel<QueuedEvent> _queue =
        Channel.CreateBounded<QueuedEvent>(new BoundedChannelOptions(MaxEvents) { SingleReader = true, SingleWriter = true });

    private readonly CancellationTokenSource _cutOff = new();
    private long _queuedBytes;

    public ulong StartSequence { get; } = sequence;

    public CancellationToken CutOff => _cutOff.Token;

    /// <summary>Events that wait to be read.</summary>
    internal int Waiting => _queue.Reader.Count;

    /// <summary>Under the feed's lock. False: the queue is full, and this is the end of the subscription.</summary>
    public bool Offer(QueuedEvent message)
    {
        if (Volatile.Read(ref _queuedBytes) + message.Bytes <= MaxBytes && _queue.Writer.TryWrite(message))
        {
            Interlocked.Add(ref _queuedBytes, message.Bytes);
            return true;
        }

        // Not under the feed's lock: whoever waits on the token runs in here.
        _ = _cutOff.CancelAsync();
        return false;
    }

    public async IAsyncEnumerable<ContainerEventResponse> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _cutOff.Token);
        while (await _queue.Reader.WaitToReadAsync(either.Token).ConfigureAwait(false))
        {
            while (_queue.Reader.TryRead(out var message))
            {
                Interlocked.Add(ref _queuedBytes, -message.Bytes);
                yield return message.Message;
            }
        }
    }

    public RuntimeFault CutOffFault() => new(FaultCode.ResourceExhausted,
        $"failed to deliver container events: more than {MaxEvents} events or {MaxBytes >> 20} MiB wait for this client to read; "
        + "subscribe again, then list pods and containers");

    public void Dispose()
    {
        feed.Leave(this);
        _cutOff.Dispose();
    }
}

/// <param name="Message">Shared by all subscribers: never changed.</param>
/// <param name="Bytes">On the wire.</param>
internal readonly record struct QueuedEvent(ContainerEventResponse Message, int Bytes);
