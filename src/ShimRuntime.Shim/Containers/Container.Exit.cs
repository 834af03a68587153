using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Serving;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>The end, which is the current generation's: exit.json durable → everyone told → runc delete.</content>
internal sealed partial class Container
{
    private static readonly TimeSpan RecordRetryInterval = TimeSpan.FromSeconds(1);
    private const int MaxRecordAttempts = 10;
    private readonly LoopTimer _recordRetry;
    private int _recordAttempts;

    public void Exiting(Generation generation)
    {
        if (generation == _current) EndPause("the container has ended");
    }

    public void Ended(Generation generation)
    {
        if (IsSwapping)
        {
            _swap!.Ended(generation);
            return;
        }

        _journal?.Update(generation);
        if (generation == _current) EndContainer();
        else generation.Delete(); // what a swap had given up, dead at last
    }

    public void Deleted(Generation generation)
    {
        _generations.Remove(generation);
        if (_shutdownCall is not null && _generations.Count == 0) RemoveCgroups();
    }

    private void EndContainer()
    {
        if (_exit is not null) return;
        // Of the container it is the end: its life began with the first generation's.
        if (_startedAtNanos == 0) _startedAtNanos = _current.StartedAtNanos;
        _exit = _current.Exit! with { StartedAtNanos = _startedAtNanos, LogDroppedBytes = _log.File.DroppedBytes };
        RecordExit();
    }

    private void RecordExit()
    {
        try
        {
            DurableFile.Write(_paths.ExitRecord, _exit!.ToJson());
        }
        catch (IOException e)
        {
            ErrorLog.Write($"failed to write '{_paths.ExitRecord}': {e.Message}");
            _recordRetry.Set(RecordRetryInterval);
            // A disk that stays full must not keep a pod for ever: then the news goes out from memory, and the writing goes on.
            if (++_recordAttempts != MaxRecordAttempts) return;
        }

        if (_exitRecorded) return;
        Announce();
    }

    private void Announce()
    {
        _exitRecorded = true;
        Move(ShimEvent.ExitRecorded);
        var status = _exit!.ToStatus();
        Answer(new StartResponse { StartedAtNanos = _startedAtNanos, Exit = status });
        foreach (var waiter in _waiters.ToArray()) waiter.Reply(status);
        _waiters.Clear();
        _attachers.End(status);
        foreach (var generation in _generations.ToArray()) generation.Delete();
    }
}
