using ShimRuntime.Linux;
using ShimRuntime.Shim.Oom;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Runc;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.ShimProtocol;
using Then = ShimRuntime.ShimProtocol.State.SavedRunc.Types.Then;

namespace ShimRuntime.Shim.Generations;

/// <content>The ways to a running process: in one step (run, restore), or in two (create, start).</content>
internal sealed partial class Generation
{
    private ulong _initStartTicks;
    private string? _startError; // runc's, when it had the init and could not start it

    public void Run() => Make(Then.MadeAndStarted, stdio => _runc.Run(Bundle, stdio.ConsoleSocketPath, Descriptors(stdio), MadeAndStarted));

    /// <summary>As <see cref="Run"/>, from CRIU's images.</summary>
    public void Restore(CriuDirectories criu) => Make(Then.MadeAndStarted, stdio => _runc.Restore(Bundle, criu, stdio, MadeAndStarted));

    /// <summary>All but the start: namespaces, mounts, cgroup, and an init that waits.</summary>
    public void Create() => Make(Then.Made, stdio => _runc.Create(Bundle, stdio.ConsoleSocketPath, Descriptors(stdio), MadeOnly));

    /// <summary>Starts what <see cref="Create"/> has made. A refusal is told as its end, 128 StartError.</summary>
    public void Start() => (_then, _call) = (Then.Started, _runc.Start(Started));

    private (string Directory, string PidFile) Bundle => (_paths.Bundle, _paths.InitPidFile);

    private void Make(Then then, Func<ContainerStdio, RuncCall> run)
    {
        var launch = _context.Launch;
        _stdio = launch.Tty
            ? ContainerStdio.Terminal(_context.Loop, _paths.ConsoleSocket, _context.Sink)
            : ContainerStdio.Pipes(_context.Loop, launch.Stdin, (launch.StdioUid, launch.StdioGid), _context.Sink);
        _oomBaseline = OomCounters.Read(_context.Hierarchy, Leaf.Path);
        if (Handover is { ByFilter: true }) ExpectFilter();
        _context.Reaper.ExpectOrphan();
        (_then, _call) = (then, run(_stdio));
        IsMade = true;
        _stdio.CloseChildEnds();
    }

    private void MadeAndStarted(RuncResult result)
    {
        if (!TakeInit(result)) return;
        HasStarted = true;
        _owner.Running(this);
        ResumeStop();
    }

    private void MadeOnly(RuncResult result)
    {
        if (!TakeInit(result)) return;
        _owner.Created(this);
        ResumeStop();
    }

    private void Started(RuncResult result)
    {
        _call = null;
        StartedAtNanos = NowNanos();
        if (!result.Succeeded)
        {
            _startError = result.Error;
            Kill();
            return;
        }

        HasStarted = true;
        _owner.Running(this);
        ResumeStop();
    }

    /// <summary>False: there is none, and the owner knows.</summary>
    private bool TakeInit(RuncResult result)
    {
        _call = null;
        StartedAtNanos = NowNanos();
        var pid = RuncDriver.ReadPid(_paths.InitPidFile);
        var identity = pid > 0 ? ProcessIdentity.TryRead(pid) : null;
        var error = result.Error;
        if (result.Succeeded) _init = Adopt(pid, out error);
        _context.Reaper.OrphanSettled();
        if (_init is null)
        {
            Refused(error);
            return false;
        }

        _initStartTicks = identity?.StartTicks ?? 0;
        _filters?.Settle();
        StartPumping();
        return true;
    }

    /// <summary>A container that nobody could watch must not run: null and the reason, also when no descriptor is free for it.</summary>
    private WatchedChild? Adopt(int pid, out string error)
    {
        error = $"runc left no process with pid {pid}";
        try
        {
            return pid > 0 ? _context.Reaper.TryAdopt(pid, InitExited) : null;
        }
        catch (LinuxException e)
        {
            error = $"the container's process can't be watched: {e.Message}";
            return null;
        }
    }

    /// <summary>Without its streams a container would block on its output, unseen: it is ended, and its end is told.</summary>
    private void StartPumping()
    {
        _stdio!.OnEnded = OutputEnded;
        try
        {
            _stdio.StartPumping();
        }
        catch (Exception e) when (e is IOException or RuntimeFault)
        {
            ErrorLog.Write($"failed to read the container's output: {e.Message}");
            _init!.Signal(SIGKILL);
            Leaf.Kill();
        }
    }

    private void Refused(string error)
    {
        // Whatever runc had begun: nothing of it may stay, and its words on the container's stderr are no output of the container.
        _stopDeadline.Clear();
        Leaf.Kill();
        _stdio!.Dispose();
        EndHandover();
        Exit = StartErrorOf(error);
        HasEnded = true;
        _owner.Ended(this);
    }

    private ExitRecord StartErrorOf(string error) => new()
    {
        ContainerId = _context.Launch.ContainerId,
        Generation = Number,
        Code = 128,
        Signal = 0,
        Reason = "StartError",
        Message = error,
        StartedAtNanos = StartedAtNanos,
        FinishedAtNanos = StartedAtNanos,
    };
}
