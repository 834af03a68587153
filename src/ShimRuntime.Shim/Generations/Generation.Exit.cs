using ShimRuntime.Linux;
using ShimRuntime.Shim.Oom;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Shim.Generations;

/// <content>
/// The end: init reaped → OOM verdict and memory read while the leaf exists → leftovers killed → output drained, bounded → the owner told.
/// </content>
internal sealed partial class Generation
{
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(2);
    private readonly LoopTimer _drainDeadline;

    private void InitExited(ExitCode exit)
    {
        _stopDeadline.Clear();
        _owner.Exiting(this);
        Exit = _startError is null ? Judge(exit) : StartErrorOf(_startError);
        Counters = LeafCounterReader.Read(_context.Hierarchy, Leaf.Path);
        _drainDeadline.Set(DrainTime); // first: from here on the exit is told whatever fails
        // A private PID namespace has taken everyone along; in a shared one or the host's, children of the init live on, and execs do.
        if (Leaf.Processes().Count > 0) Leaf.Kill();
        if (_stdio!.HasEnded) OutputEnded();
    }

    private ExitRecord Judge(ExitCode exit)
    {
        var leaf = Leaf.Path;
        var oom = OomJudge.Decide((exit, _killed), _oomBaseline, OomCounters.Read(_context.Hierarchy, leaf), new OomLevels(leaf),
            () => KernelLog.LimiterOfLastKill(leaf));
        return new ExitRecord
        {
            ContainerId = _context.Launch.ContainerId,
            Generation = Number,
            Code = exit.Code,
            Signal = exit.Signal,
            Reason = oom.IsOomKilled ? "OOMKilled" : exit.Code == 0 ? "Completed" : "Error",
            Message = oom.Sentence,
            StartedAtNanos = StartedAtNanos,
            FinishedAtNanos = Math.Max(NowNanos(), StartedAtNanos),
            Oom = oom,
            Memory = LeafMemory.Read(_context.Hierarchy, leaf),
        };
    }

    private void OutputEnded()
    {
        if (Exit is null || !_drainDeadline.IsSet) return; // closed by a container that runs on
        _drainDeadline.Clear();
        End();
    }

    /// <summary>Somebody outside the leaf holds the output open: what is there is logged, the rest is not ours any more.</summary>
    private void DrainDeadlinePassed()
    {
        try
        {
            Leaf.Kill();
            _stdio!.EndNow();
        }
        finally
        {
            End();
        }
    }

    private void End()
    {
        _stdio!.Dispose();
        EndHandover();
        HasEnded = true;
        _owner.Ended(this);
    }
}
