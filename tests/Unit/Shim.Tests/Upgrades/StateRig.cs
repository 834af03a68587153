using System.Net;
using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Tests.Sockets;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using ShimRuntime.ShimProtocol.V1;
using static ShimRuntime.ShimProtocol.State.SavedRunc.Types;

namespace ShimRuntime.Shim.Tests.Upgrades;

/// <summary>States in which everything is something, on descriptors and children that are there.</summary>
internal sealed class StateRig : IDisposable
{
    private readonly SocketRig _sockets = new();
    private readonly List<SpawnedProcess> _children = [];
    private readonly List<int> _fds = [];
    private readonly SavedConnection _connection;
    private uint _lastStream = 1;

    public StateRig()
    {
        // Above 2 by far, as runtimes have their own: no number is another file's by chance.
        _connection = new SavedConnection { Fd = Keep(_sockets.UnixSocket()), LastStream = 901, Received = Bytes("half"), Unsent = Bytes("late") };
    }

    public SavedShim State(SavedSwap swap)
    {
        var saved = new SavedShim
        {
            Schema = StateSchema.Current,
            LowestReader = swap.Result is null ? 2u : 1u,
            Writer = Dispatch.Version,
            Launch = Launch(),
            Container = Container(swap),
            Unclaimed = { new SavedOrphan { Pid = 4_000_000, Exit = new SavedExitCode { Code = 137, Signal = 9 } } },
            Upgrade = new SavedUpgrade { Call = Call("Upgrade"), OldProgram = Pipe() },
            Listener = new SavedListener { Fd = Keep(_sockets.ListenAt(_sockets.File("shim.sock"))), PauseDue = 1_000_001, Connections = { _connection } },
        };
        saved.Descriptors.AddRange(_fds.Order());
        return saved;
    }

    public SavedSwap Swap(SwapReadiness ready, SavedReady saved) => new()
    {
        Request = new SwapRequest { RequestId = "mine", Level = SwapLevel.SwapL3, Ready = ready, Target = new SwapGeneration { Number = 2 } },
        Events = { new SwapEvent { Phase = SwapPhase.Prepare, AtNanos = 7 } },
        Phase = SwapPhase.Ready,
        Cause = "because",
        OldIsStopping = true,
        UpkeepMilliseconds = 12,
        UpkeepDue = 1_000_002,
        ProbationDue = 1_000_003,
        Old = 0,
        New = 1,
        Fallback = 1,
        Followers = { Call("Swap") },
        Enders = { Call("EndSwap") },
        Ready = saved,
    };

    public SavedReady Notified() => new() { Due = 1_000_004, LastFailure = "nothing yet", Notify = Pipe() };

    public void Dispose()
    {
        foreach (var child in _children)
        {
            child.PidFd.Signal(9);
            FileDescriptor.WaitReadable(child.PidFd.Fd, 10_000);
            _ = child.PidFd.TryReap();
            child.Dispose();
        }

        _sockets.Dispose();
    }

    private ShimLaunch Launch() => new()
    {
        ProtocolVersion = 1,
        ContainerId = new string('a', 64),
        RunDirectory = Path.GetDirectoryName(_sockets.File("run/x")),
        DurableDirectory = Path.GetDirectoryName(_sockets.File("durable/x")),
        RuncPath = "/runc",
        RuncRoot = "/runc-root",
        LogDirectory = "/log",
        LogPath = "0.log",
        ContainerCgroup = "/pod/c",
        LeafCgroup = "/pod/c/g1",
        Generation = 1,
        Resources = new Resources(),
    };

    private SavedContainer Container(SavedSwap swap) => new()
    {
        State = ShimState.Running,
        StartedAtNanos = 11,
        Exit = Exit(),
        ExitRecorded = true,
        RecordAttempts = 3,
        RecordRetryDue = 1_000_005,
        UpdatedBeforeStart = true,
        InForce = new Resources { CpuShares = 1024 },
        Log = new SavedLog { Fd = Pipe(), DroppedBytes = 12 },
        Start = Call("Start"),
        Waiters = { Call("Wait"), Call("Stop") },
        Attachers = { new SavedAttacher { Call = Call("Attach"), HasStdin = true, Stdout = Pipe(), Stderr = Pipe() } },
        HoldEndsDue = 1_000_006,
        Held = Held(),
        Generations = { First(), Second() },
        Current = 1,
        Journal = Journal(),
        Swap = swap,
    };

    private static SavedExit Exit() => new()
    {
        Generation = 1,
        Code = 137,
        Signal = 9,
        Reason = "OOMKilled",
        Message = "words",
        StartedAtNanos = 13,
        FinishedAtNanos = 14,
        OomLevel = 2,
        OomCgroup = "/pod",
        OomKills = 15,
        UsageBytes = 16,
        PeakBytes = 17,
        LimitBytes = 18,
        LogDroppedBytes = 19,
    };

    private SavedListeners Held()
    {
        var name = _sockets.File("held/app.sock");
        var unix = _sockets.ListenAt(name);
        using var directory = SafeDirFd.Open(Path.GetDirectoryName(name)!);
        var tcp = _sockets.Listen(IPAddress.Loopback).Fd;
        return new SavedListeners
        {
            Listeners =
            {
                new SavedHeld { Fd = Keep(tcp), IsTcp = true, Backlog = 16, Lingers = true, LingerSeconds = 5 },
                new SavedHeld { Fd = Keep(unix), Directory = Keep(FileDescriptor.Duplicate(directory.Descriptor)), Name = Bytes("app.sock"), Spare = Bytes(".spare") },
            },
            Unfit = { "udp" },
            Seen = { 20, 21 },
        };
    }

    /// <summary>One that is made, with a runc at work for it.</summary>
    private SavedGeneration First() => new()
    {
        Number = 1,
        Leaf = "/pod/c/g1",
        IsKnown = true,
        IsMade = true,
        StartedAtNanos = 22,
        Exit = Exit(),
        Counters = new SavedCounters { Periods = 1, Throttled = 2, ThrottledNanos = 3, MemoryLimitHits = 4, OomKills = 5 },
        HasEnded = true,
        StartError = "",
        StopSignal = 15,
        Killed = true,
        StopDue = 1_000_007,
        DrainDue = 1_000_008,
        IsBeingDeleted = true,
        OomBaseline = new SavedOom { LeafKills = 0, TreeKills = 23, Hits = { new SavedHits { Cgroup = "/pod", Hits = 24 } } },
        Stdio = new SavedStdio { IsTerminal = true, Master = Pipe(), ConsoleListener = Pipe(), ConsoleConnection = Pipe() },
        Call = Runc(Then.MadeAndStarted),
        Deletion = Runc(Then.Deleted),
        RuncCalls = 25,
        Execs = new SavedExecs { Count = 26, Leftovers = { 4 }, Sweeps = 27, SweepDue = 1_000_009 },
    };

    /// <summary>One that runs, with execs in both halves of their life.</summary>
    private SavedGeneration Second() => new()
    {
        Number = 2,
        Leaf = "/pod/c/g2",
        IsKnown = true,
        IsMade = true,
        HasStarted = true,
        Init = new SavedProcess { Pid = Child(), StartTicks = 28 },
        Counters = new SavedCounters(),
        OomBaseline = new SavedOom(),
        Stdio = new SavedStdio
        {
            Stdin = Pipe(),
            TellsEnd = true,
            Pumps =
            {
                new SavedPump { Fd = Pipe(), IsWatched = true, Held = Bytes("half a line") },
                new SavedPump { IsStderr = true },
            },
        },
        Call = Runc(Then.Made),
        Execs = new SavedExecs
        {
            Running =
            {
                new SavedExec
                {
                    Number = 1,
                    Caller = Call("ExecSync"),
                    HasCgroup = new Cgroup(CgroupHierarchy.Detect(), "/pod").DirectoryOf("freezer") is not null,
                    TimeoutDue = 1_000_010,
                    Stdout = new SavedExecPump { Fd = Pipe(), Room = 29, IsTruncated = true },
                    Stderr = new SavedExecPump { Fd = Pipe(), Room = 30, IsPaused = true },
                    Runc = Runc(Then.Exec),
                    TimedOut = true,
                    Killed = true,
                },
                new SavedExec
                {
                    Number = 2,
                    DrainDue = 1_000_011,
                    Stdout = new SavedExecPump(),
                    Stderr = new SavedExecPump(),
                    Process = new SavedProcess { Pid = Child() },
                    Exit = new SavedExitCode { Code = 3 },
                },
            },
        },
        Handover = new SavedHandover
        {
            ByFilter = true,
            Filters = new SavedFilters
            {
                Listener = Keep(_sockets.ListenAt(_sockets.File("bind.sock"))),
                Connections = { Pipe() },
                Filters = { new SavedFilter { Fd = Pipe(), Adopted = { 31 } } },
            },
        },
    };

    private static SavedJournal Journal() => new()
    {
        History =
        {
            new SavedHistory { Number = 1, ImageId = "i", Cause = "create", StartedAtNanos = 1, FinishedAtNanos = 2, Code = 3, Reason = "Error" },
        },
        Swap = new SavedSwapEntry
        {
            RequestId = "mine",
            Level = SwapLevel.SwapL1,
            Phase = SwapPhase.Ready,
            Outcome = SwapOutcome.Undone,
            Cause = "c",
            Old = 1,
            Target = 2,
            OldImageId = "a",
            TargetImageId = "b",
            Timeline = { new SavedStep { Phase = SwapPhase.Create, AtNanos = 4 } },
        },
        Current = 2,
        EndedLeaves = new SavedCounters { Periods = 6 },
        WriteAgainDue = 1_000_012,
    };

    private SavedRunc Runc(Then then) => new()
    {
        Then = then, Pid = Child(), Verb = "run", Log = "/log", Due = 1_000_013, KilledBecause = "late", CriuLog = "/criu", DeadlineSeconds = 32,
    };

    private SavedCall Call(string method)
    {
        _connection.Calls.Add(new SavedStream { Id = _lastStream += 2, Method = method });
        return new SavedCall { Connection = _connection.Fd, Stream = _lastStream };
    }

    private int Child()
    {
        _children.Add(Spawner.Spawn(new SpawnRequest { Path = "/bin/sleep", Arguments = ["sleep", "1000"] }));
        return _children[^1].Pid;
    }

    /// <summary>An end of a pipe whose other end is open as well: one that is never ready.</summary>
    private int Pipe() => Keep(_sockets.Own(FileDescriptor.CreatePipe()));

    private int Keep(int fd)
    {
        _fds.Add(fd);
        return fd;
    }

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);
}
