using ShimRuntime.Linux;
using ShimRuntime.Shim.Execs;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Limits;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <summary>
/// The container of this shim, from its cgroup to its exit record: state, and who waits for what. Its process is a
/// <see cref="Generation"/>, of which one is current: what is told of the container is told of that one. All on the loop's thread. The calls
/// of the protocol are in the partial files beside this one, one subject each.
/// </summary>
internal sealed partial class Container : IGenerationOwner, IDisposable
{
    private readonly EpollLoop _loop;
    private readonly Reaper _reaper;
    private readonly ShimLaunch _launch;
    private readonly ShimPaths _paths;
    private readonly Cgroup _cgroup;
    private readonly ContainerLimits _limits;
    private readonly ReadBuffer _buffer = new();
    private readonly LogWriter _log;
    private readonly GenerationContext _context;
    private readonly List<Generation> _generations = []; // those that runc knows, or may know
    private readonly ProcessIdentity _self = ProcessIdentity.TryRead(Environment.ProcessId)!.Value;
    private readonly List<ShimCall> _waiters = [];
    private ShimListener? _listener;
    private Generation _current;
    private ShimState _state = ShimState.Created;
    private long _startedAtNanos;
    private ExitRecord? _exit;
    private bool _exitRecorded;

    private Container(EpollLoop loop, Reaper reaper, ShimLaunch launch, CgroupHierarchy hierarchy, LogFile log)
    {
        (_loop, _reaper, _launch) = (loop, reaper, launch);
        _paths = new ShimPaths(launch);
        _cgroup = new Cgroup(hierarchy, launch.ContainerCgroup);
        _limits = new ContainerLimits(hierarchy, launch.ContainerCgroup);
        _log = new LogWriter(log);
        _context = new GenerationContext(loop, reaper, launch, hierarchy, new OutputSink(_log, _buffer, _attachers));
        _current = new Generation(_context, this, launch.Generation, launch.LeafCgroup);
        _recordRetry = loop.CreateTimer(RecordExit);
        _removalRetry = loop.CreateTimer(RemoveCgroups);
        _farewell = loop.CreateTimer(LeaveWhenFlushed);
        _holdEnds = loop.CreateTimer(LetGo);
        _upgrades = new UpgradeOperation(this, loop, reaper);
    }

    /// <summary>Makes the container cgroup with its limits, says so in shim.json and listens.</summary>
    public static Container Create(EpollLoop loop, Reaper reaper, ShimLaunch launch, CgroupHierarchy hierarchy, LogFile log)
    {
        var container = new Container(loop, reaper, launch, hierarchy, log);
        container._cgroup.Create();
        container._limits.Apply(launch.Resources, []);
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
        Generation = _current.Number,
        Pid = Serving.Pid,
        PidStartTicks = Serving.PidStartTicks,
        StartedAtNanos = _startedAtNanos,
        Exit = _exitRecorded ? _exit!.ToStatus() : null,
        ShimPid = _self.Pid,
        Resources = _limits.InForce,
        LogDroppedBytes = _log.File.DroppedBytes,
        SwapRequestId = IsSwapping ? _swap!.RequestId : "",
    };

    public void Wait(ShimCall call)
    {
        if (_exitRecorded) call.Reply(_exit!.ToStatus());
        else AddWaiter(call);
    }

    /// <exception cref="RuntimeFault">Unavailable: between two generations.</exception>
    public void ExecSync(ShimCall call, ExecSyncRequest request)
    {
        CheckServes("exec in");
        Serving.Execs.Start(new ExecCaller(call), request);
    }

    public void ReopenLog() => _log.File.Reopen();

    /// <returns>What is in force then.</returns>
    public Resources Update(Resources wanted)
    {
        if (_exit is not null || (_current.HasExited && !IsSwapping))
            throw RuntimeFault.FailedPrecondition("failed to update the container: it has exited");
        _limits.Apply(wanted, Leaves());
        _updatedBeforeStart |= _state is ShimState.Created or ShimState.Starting;
        return _limits.InForce;
    }

    public void Dispose()
    {
        _upgrades.Dispose();
        _listener?.Close();
        foreach (var generation in _generations) generation.Dispose();
        _held.Dispose();
        _log.File.Dispose();
        _log.Dispose();
        _buffer.Dispose();
        _reaper.Dispose();
    }

    /// <summary>Between two generations nobody serves, for as long as a start takes: worth another try, and no verdict on the container.</summary>
    private void CheckServes(string verb)
    {
        if (IsSwapping && !Serving.IsRunning)
            throw new RuntimeFault(FaultCode.Unavailable, $"failed to {verb} container: its process is being replaced; try again in a moment");
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
            Generation = _current.Number,
            State = _state,
            ShimPid = _self.Pid,
            ShimStartTicks = _self.StartTicks,
            Pid = Serving.Pid,
            PidStartTicks = Serving.PidStartTicks,
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

    /// <summary>Of the generations that have one.</summary>
    private List<string> Leaves()
    {
        List<string> leaves = [];
        foreach (var generation in _generations)
        {
            if (generation.IsAlive) leaves.Add(generation.Leaf.Path);
        }

        return leaves;
    }
}
