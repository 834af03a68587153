using ShimRuntime.Linux;
using ShimRuntime.Shim.Oom;
using ShimRuntime.Shim.Runc;
using ShimRuntime.Shim.Serving;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>
/// The end: init reaped → OOM verdict and memory read while the leaf exists → leftovers killed → output drained, bounded →
/// exit.json durable → everyone told → runc delete.
/// </content>
internal sealed partial class Container
{
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RecordRetryInterval = TimeSpan.FromSeconds(1);
    private const int MaxRecordAttempts = 10;
    private readonly LoopTimer _drainDeadline;
    private readonly LoopTimer _recordRetry;
    private int _recordAttempts;
    private bool _runcDeleted;

    private void InitExited(ExitCode exit)
    {
        _stopDeadline.Clear();
        EndPause("the container has ended");
        var leaf = _launch.LeafCgroup;
        var oom = OomJudge.Decide((exit, _killed), _oomBaseline, OomCounters.Read(_hierarchy, leaf), new OomLevels(leaf),
            () => KernelLog.LimiterOfLastKill(leaf));
        _exit = new ExitRecord
        {
            ContainerId = _launch.ContainerId,
            Generation = _launch.Generation,
            Code = exit.Code,
            Signal = exit.Signal,
            Reason = oom.IsOomKilled ? "OOMKilled" : exit.Code == 0 ? "Completed" : "Error",
            Message = oom.Sentence,
            StartedAtNanos = _startedAtNanos,
            FinishedAtNanos = Math.Max(NowNanos(), _startedAtNanos),
            Oom = oom,
            Memory = LeafMemory.Read(_hierarchy, leaf),
        };
        _drainDeadline.Set(DrainTime); // first: from here on the exit is recorded whatever fails
        // A private PID namespace has taken everyone along; in a shared one or the host's, children of the init live on, and execs do.
        if (_leaf.Processes().Count > 0) _leaf.Kill();
        if (_stdio!.HasEnded) OutputEnded();
    }

    private void OutputEnded()
    {
        if (_exit is null || !_drainDeadline.IsSet) return; // closed by a container that runs on
        _drainDeadline.Clear();
        RecordExit();
    }

    /// <summary>Somebody outside the leaf holds the output open: what is there is logged, the rest is not ours any more.</summary>
    private void DrainDeadlinePassed()
    {
        try
        {
            _leaf.Kill();
            _stdio!.EndNow();
        }
        finally
        {
            RecordExit();
        }
    }

    private void RecordExit()
    {
        _stdio!.Dispose();
        _exit = _exit! with { LogDroppedBytes = _log.File.DroppedBytes };
        try
        {
            DurableFile.Write(_paths.ExitRecord, _exit.ToJson());
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
        _runc.Delete(Deleted);
    }

    private void Deleted(RuncResult result)
    {
        if (!result.Succeeded) ErrorLog.Write($"failed to delete '{_paths.RuncId}': {result.Error}");
        _runcDeleted = true;
        if (_shutdownCall is not null) RemoveCgroups();
    }
}
