namespace ShimRuntime.Images;

/// <summary>
/// The async reader/writer lock of the collector, innermost of all: who makes something live (a lease grows, an image record or a
/// snapshot is written after a check that its layers exist) reads; the sweep that decides what is dead writes. Held over a decision
/// and its durable record, never over a transfer or the deletion of a tree. Writers go first, so a busy node is still collected.
/// </summary>
public sealed class CollectorLock
{
    private readonly Lock _state = new();
    private readonly Queue<TaskCompletionSource> _readers = new();
    private readonly Queue<TaskCompletionSource> _writers = new();
    private int _reading;
    private bool _writing;

    /// <summary>Enters as a reader; dispose to leave.</summary>
    public async ValueTask<IDisposable> ReadAsync(CancellationToken cancellation)
    {
        TaskCompletionSource? turn = null;
        lock (_state)
        {
            if (!_writing && _writers.Count == 0) _reading++;
            else _readers.Enqueue(turn = NewTurn());
        }

        await WaitAsync(turn, LeaveRead, cancellation).ConfigureAwait(false);
        return new Hold(LeaveRead);
    }

    /// <summary>Enters alone; dispose to leave.</summary>
    public async ValueTask<IDisposable> WriteAsync(CancellationToken cancellation)
    {
        TaskCompletionSource? turn = null;
        lock (_state)
        {
            if (!_writing && _reading == 0) _writing = true;
            else _writers.Enqueue(turn = NewTurn());
        }

        await WaitAsync(turn, LeaveWrite, cancellation).ConfigureAwait(false);
        return new Hold(LeaveWrite);
    }

    private static TaskCompletionSource NewTurn() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A caller that gives up while its turn is being granted hands the turn on; one that is skipped later is cancelled.</summary>
    private async Task WaitAsync(TaskCompletionSource? turn, Action leave, CancellationToken cancellation)
    {
        if (turn is null) return;
        try
        {
            await turn.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (!turn.TrySetCanceled(cancellation)) leave();
            else lock (_state) Admit();
            throw;
        }
    }

    private void LeaveRead()
    {
        lock (_state)
        {
            _reading--;
            Admit();
        }
    }

    private void LeaveWrite()
    {
        lock (_state)
        {
            _writing = false;
            Admit();
        }
    }

    /// <summary>Lets in whoever is next. A waiter that gave up is cancelled already and is skipped.</summary>
    private void Admit()
    {
        while (_writers.TryPeek(out var next) && next.Task.IsCompleted) _writers.Dequeue();
        if (_writing) return;
        if (_writers.Count > 0)
        {
            if (_reading > 0) return;
            _writing = true;
            if (_writers.Dequeue().TrySetResult()) return;
            _writing = false;
            Admit();
            return;
        }

        while (_readers.TryDequeue(out var reader))
        {
            _reading++;
            if (!reader.TrySetResult()) _reading--;
        }
    }

    private sealed class Hold(Action leave) : IDisposable
    {
        private Action? _leave = leave;

        public void Dispose() => Interlocked.Exchange(ref _leave, null)?.Invoke();
    }
}
