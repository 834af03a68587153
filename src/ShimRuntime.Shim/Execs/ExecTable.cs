using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Execs;

/// <summary>The execs under way, and the sub-cgroups of finished ones in which a process is still dying.</summary>
internal sealed class ExecTable
{
    private const int MaxExecs = 256;
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMilliseconds(50);
    private const int MaxSweeps = 100;
    private readonly ExecContext _context;
    private readonly HashSet<ExecProcess> _running = [];
    private readonly List<ExecProcess> _leftovers = [];
    private readonly LoopTimer _sweep;
    private int _sweeps;
    private int _count;

    public ExecTable(ExecContext context)
    {
        _context = context;
        _sweep = context.Loop.CreateTimer(Sweep);
    }

    /// <exception cref="RuntimeFault">FailedPrecondition: the container does not run. ResourceExhausted: too many at once.</exception>
    public void Start(IExecClient client, ExecSyncRequest request)
    {
        if (!_context.IsRunning()) throw RuntimeFault.FailedPrecondition("failed to exec in container: it is not running");
        if (_running.Count >= MaxExecs)
            throw new RuntimeFault(FaultCode.ResourceExhausted, $"failed to exec in container: {MaxExecs} execs are under way");
        var exec = new ExecProcess(_context, client, ++_count, Done);
        _running.Add(exec);
        try
        {
            exec.Start(request);
        }
        catch
        {
            exec.Dispose();
            throw;
        }
    }

    public SavedExecs Save(StateWriter writer) => new()
    {
        Count = _count,
        Running = { _running.OrderBy(e => e.Number).Select(e => e.Save(writer)) },
        Leftovers = { _leftovers.Select(e => e.Number) },
        Sweeps = _sweeps,
        SweepDue = _sweep.DueMilliseconds,
    };

    /// <summary>As another program of this process has left it.</summary>
    public void Load(SavedExecs saved, StateReader reader)
    {
        (_count, _sweeps) = (saved.Count, saved.Sweeps);
        foreach (var exec in saved.Running) _running.Add(ExecProcess.Load(_context, exec, reader.Call(exec.Caller), Done));
        foreach (var number in saved.Leftovers) _leftovers.Add(ExecProcess.Ended(_context, number));
        _sweep.DueMilliseconds = saved.SweepDue;
    }

    public void KillAll()
    {
        foreach (var exec in _running.ToArray()) exec.Kill();
    }

    private void Done(ExecProcess exec)
    {
        _running.Remove(exec);
        if (exec.TryRemoveCgroup()) return;
        _leftovers.Add(exec);
        _sweeps = 0;
        _sweep.Set(SweepInterval);
    }

    private void Sweep()
    {
        _leftovers.RemoveAll(e => e.TryRemoveCgroup());
        // A process in uninterruptible sleep may take for ever: its cgroup then goes with the leaf.
        if (_leftovers.Count > 0 && ++_sweeps < MaxSweeps) _sweep.Set(SweepInterval);
    }
}
