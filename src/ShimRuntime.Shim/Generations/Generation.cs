using ShimRuntime.Linux;
using ShimRuntime.Shim.Execs;
using ShimRuntime.Shim.Oom;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Runc;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Generations;

/// <summary>
/// One generation of the container: a runc container with its own bundle and leaf cgroup, its init, its stdio, its execs, its end.
/// <code>
///   new --Run, Restore-----------------------------> running --+
///    |                                                ^         | init ends: OOM verdict and memory read while the leaf exists,
///    +--Create--> created (init waits) --Start--------+         | leftovers killed, output drained, bounded
///    |               |                                          v
///    +---------------+---------- runc refuses -------------> ended --Delete--> deleted
/// </code>
/// Which one is the container's current is its owner's business.
/// </summary>
internal sealed partial class Generation : IDisposable
{
    private readonly GenerationContext _context;
    private readonly IGenerationOwner _owner;
    private readonly GenerationPaths _paths;
    private readonly RuncDriver _runc;
    private ContainerStdio? _stdio;
    private WatchedChild? _init;
    private RuncCall? _call;
    private RuncCall? _deletion;
    private SavedRunc.Types.Then _then; // what the success of _call brings about
    private bool _isBeingDeleted;
    private OomCounters _oomBaseline = new(null, 0, []);

    /// <param name="leaf">Its cgroup, which runc makes and removes.</param>
    public Generation(GenerationContext context, IGenerationOwner owner, uint number, string leaf)
    {
        (_context, _owner, Number) = (context, owner, number);
        var (loop, launch) = (context.Loop, context.Launch);
        _paths = new GenerationPaths(launch, number);
        Leaf = new Cgroup(context.Hierarchy, leaf);
        _runc = new RuncDriver(loop, context.Reaper,
            new RuncSettings(launch.RuncPath, launch.RuncRoot, launch.RuncArguments, _paths.RuncId, _paths.RuncLogs));
        Execs = new ExecTable(new ExecContext(
            loop, context.Reaper, _runc, context.Sink.Buffer, context.Hierarchy, leaf, _paths.Bundle, (launch.StdioUid, launch.StdioGid), () => IsRunning));
        _stopDeadline = loop.CreateTimer(StopDeadlinePassed);
        _drainDeadline = loop.CreateTimer(DrainDeadlinePassed);
    }

    public uint Number { get; }

    public Cgroup Leaf { get; }

    public ExecTable Execs { get; }

    /// <summary>Null before its init is made.</summary>
    public ContainerStdio? Stdio => _stdio;

    /// <summary>Its init is there: waiting to be started, or running.</summary>
    public bool IsAlive => _init is { HasExited: false };

    /// <summary>runc was asked to make it, so its end will be told.</summary>
    public bool IsMade { get; private set; }

    public bool HasStarted { get; private set; }

    public bool IsRunning => HasStarted && IsAlive;

    /// <summary>Its init has ended, or runc has refused it.</summary>
    public bool HasExited => Exit is not null;

    public int Pid => IsAlive ? _init!.Pid : 0;

    /// <summary>proc_pid_stat(5), field 22; 0: no init.</summary>
    public ulong PidStartTicks => IsAlive ? _initStartTicks : 0;

    public long StartedAtNanos { get; private set; }

    /// <summary>Where sd_notify's words of it arrive; the directory is the bundle's, and the daemon has the container see it.</summary>
    public string NotifySocket => $"{_paths.Bundle}/n/s"; // short: sun_path has 108 bytes

    /// <summary>As long as its init is there.</summary>
    public string NetworkNamespace => $"/proc/{Pid}/ns/net";

    public bool HasBundle => File.Exists($"{_paths.Bundle}/config.json");

    /// <summary>Final once the owner is told that it has ended.</summary>
    public ExitRecord? Exit { get; private set; }

    /// <summary>Of its leaf, when its init had ended.</summary>
    public LeafCounters Counters { get; private set; }

    /// <summary>Its output is written: <see cref="Exit"/> is final.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>CRIU's images of the running processes, which stay.</summary>
    public void Checkpoint(CriuDirectories criu, Action<RuncResult> onDone) => _runc.Checkpoint(criu, onDone);

    /// <summary>Makes runc forget it; tells the owner, whatever came of it.</summary>
    public void Delete()
    {
        if (_isBeingDeleted) return;
        _isBeingDeleted = true;
        _deletion = _runc.Delete(Deleted);
    }

    public void Dispose()
    {
        _stdio?.Dispose();
        EndHandover();
    }

    private void Deleted(RuncResult result)
    {
        _deletion = null;
        if (!result.Succeeded) ErrorLog.Write($"failed to delete '{_paths.RuncId}': {result.Error}");
        _owner.Deleted(this);
    }

    private static long NowNanos() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
}
