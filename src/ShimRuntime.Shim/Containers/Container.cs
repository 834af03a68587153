using ShimRuntime.Linux;
using ShimRuntime.Shim.Execs;
using ShimRuntime.Shim.Limits;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Oom;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Runc;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <summary>
/// The container of this shim, from its cgroup to its exit record: state, and who waits for what. All on the loop's thread. The calls of
/// the protocol are in the partial files beside this one, one subject each.
/// </summary>
internal sealed partial class Container : IDisposable
{
    private readonly EpollLoop _loop;
    private readonly Reaper _reaper;
    private readonly ShimLaunch _launch;
    private readonly ShimPaths _paths;
    private readonly CgroupHierarchy _hierarchy;
    private readonly Cgroup _cgroup;
    private readonly Cgroup _leaf;
    private readonly ContainerLimits _limits;
    private readonly ReadBuffer _buffer = new();
    private readonly LogWriter _log;
    private readonly RuncDriver _runc;
    private readonly ExecTable _execs;
    private readonly ProcessIdentity _self = ProcessIdentity.TryRead(Environment.ProcessId)!.Value;
    private readonly List<ShimCall> _waiters = [];
    private ShimListener? _listener;
    private ContainerStdio? _stdio;
    private ShimState _state = ShimState.Created;
    private WatchedChild? _init;
    private ulong _initStartTicks;
    private long _startedAtNanos;
    private OomCounters _oomBaseline = new(null, 0, []);
    private ExitRecord? _exit;
    private bool _exitRecorded;

    private Container(EpollLoop loop, Reaper reaper, ShimLaunch launch, CgroupHierarchy hierarchy, LogFile log)
    {
        (_loop, _reaper, _launch, _hierarchy) = (loop, reaper, launch, hierarchy);
        _paths = new ShimPaths(launch);
        _cgroup = new Cgroup(hierarchy, launch.ContainerCgroup);
        _leaf = new Cgroup(hierarchy, launch.LeafCgroup);
        _limits = new ContainerLimits(hierarchy, launch.ContainerCgroup, launch.LeafCgroup);
        _log = new LogWriter(log);
        _runc = new RuncDriver(loop, reaper,
            new RuncSettings(launch.RuncPath, launch.RuncRoot, launch.RuncArguments, _paths.RuncId, _paths.Bundle));
        var context = new ExecContext(
            loop, reaper, _runc, _buffer, hierarchy, launch.LeafCgroup, _paths.Bundle, (launch.StdioUid, launch.StdioGid), () => IsInitAlive);
        _execs = new ExecTable(context);
        _stopDeadline = loop.CreateTimer(StopDeadlinePassed);
        _drainDeadline = loop.CreateTimer(DrainDeadlinePassed);
        _recordRetry = loop.CreateTimer(RecordExit);
        _removalRetry = loop.CreateTimer(RemoveCgroups);
        _farewell = loop.CreateTimer(LeaveWhenFlushed);
    }

    private bool IsInitAlive => _init is { HasExited: false };

    /// <summary>Makes the container cgroup with its limits, says so in shim.json and listens.</summary>
    public static Container Create(EpollLoop loop, Reaper reaper, ShimLaunch launch, CgroupHierarchy hierarchy, LogFile log)
    {
        var container = new Container(loop, reaper, launch, hierarchy, log);
        container._cgroup.Create();
        container._limits.Apply(launch.Resources, false);
        container.SaveState();
        container._listener = new ShimListener(loop, container._paths.Socket, new ShimService(container));
        return container;
    }

    public HelloResponse Hello() => new()
    {
        ProtocolVersion = ShimMethods.ProtocolVersion,
        ShimVersion = Dispatch.Version,
        ContainerId = _launch.ContainerId,
        State = _state,
        Generation = _launch.Generation,
        Pid = IsInitAlive ? _init!.Pid : 0,
        PidStartTicks = IsInitAlive ? _initStartTicks : 0,
        StartedAtNanos = _startedAtNanos,
        Exit = _exitRecorded ? _exit!.ToStatus() : null,
        ShimPid = _self.Pid,
        Resources = _limits.InForce,
        LogDroppedBytes = _log.File.DroppedBytes,
    };

    public void Wait(ShimCall call)
    {
        if (_exitRecorded) call.Reply(_exit!.ToStatus());
        else AddWaiter(call);
    }

    public void ExecSync(ShimCall call, ExecSyncRequest request) => _execs.Start(call, request);

    public void ReopenLog() => _log.File.Reopen();

    /// <returns>What is in force then.</returns>
    public Resources Update(Resources wanted)
    {
        if (_exit is not null) throw RuntimeFault.FailedPrecondition("failed to update the container: it has exited");
        _limits.Apply(wanted, IsInitAlive);
        _updatedBeforeStart |= !IsInitAlive;
        return _limits.InForce;
    }

    public void Dispose()
    {
        _listener?.Close();
        _stdio?.Dispose();
        _log.File.Dispose();
        _log.Dispose();
        _buffer.Dispose();
        _reaper.Dispose();
    }

    private void AddWaiter(ShimCall call)
    {
        _waiters.Add(call);
        call.OnAbandoned = () => _waiters.Remove(call);
    }

    private void Move(ShimEvent happened)
    {
        _state = ShimLifecycle.Next(_state, happened)
            ?? throw new InvalidOperationException($"{happened} in state {_state}"); // every caller has checked the state first
        SaveState();
    }

    private void SaveState()
    {
        var record = new ShimRecord
        {
            ContainerId = _launch.ContainerId,
            Generation = _launch.Generation,
            State = _state,
            ShimPid = _self.Pid,
            ShimStartTicks = _self.StartTicks,
            Pid = IsInitAlive ? _init!.Pid : 0,
            PidStartTicks = IsInitAlive ? _initStartTicks : 0,
            StartedAtNanos = _startedAtNanos,
        };
        try
        {
            DurableFile.WriteVolatile(_paths.ShimRecord, record.ToJson());
        }
        catch (IOException e) when (_listener is not null)
        {
            // A full /run costs a daemon that finds us dead some knowledge; it must not cost the container its life.
            ErrorLog.Write($"failed to write '{_paths.ShimRecord}': {e.Message}");
        }
    }

    private static long NowNanos() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
}
