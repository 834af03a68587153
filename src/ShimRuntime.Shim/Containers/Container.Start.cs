using ShimRuntime.Linux;
using ShimRuntime.Shim.Oom;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Runc;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>CREATED → RUNNING, or → EXITED 128 when runc refuses.</content>
internal sealed partial class Container
{
    private ShimCall? _startCall;
    private RuncCall? _runCall;
    private bool _updatedBeforeStart;

    /// <exception cref="RuntimeFault">FailedPrecondition: started before.</exception>
    public void Start(ShimCall call) =>
        Start(call, stdio => _runc.Run((_paths.Bundle, _paths.InitPidFile), stdio.ConsoleSocketPath, stdio.ChildFds, RunDone));

    /// <inheritdoc cref="Start(ShimCall)"/>
    public void Restore(ShimCall call, RestoreRequest request)
    {
        var criu = CriuDirectories.OfRestore(request.ImageDirectory, request.WorkDirectory);
        Start(call, stdio => _runc.Restore((_paths.Bundle, _paths.InitPidFile), criu, stdio, RunDone));
    }

    private void Start(ShimCall call, Func<ContainerStdio, RuncCall> run)
    {
        if (_state != ShimState.Created) throw RuntimeFault.FailedPrecondition("failed to start the container: it was started before");
        _stdio = _launch.Tty
            ? ContainerStdio.Terminal(_loop, _paths.ConsoleSocket, new OutputSink(_log, _buffer, _attachers))
            : ContainerStdio.Pipes(_loop, _launch.Stdin, (_launch.StdioUid, _launch.StdioGid), new OutputSink(_log, _buffer, _attachers));
        _oomBaseline = OomCounters.Read(_hierarchy, _launch.LeafCgroup);
        _startCall = call;
        Move(ShimEvent.StartAsked);
        _reaper.ExpectOrphan();
        _runCall = run(_stdio);
        _stdio.CloseChildEnds();
    }

    private void RunDone(RuncResult result)
    {
        _runCall = null;
        _startedAtNanos = NowNanos();
        var pid = RuncDriver.ReadPid(_paths.InitPidFile);
        var identity = pid > 0 ? ProcessIdentity.TryRead(pid) : null;
        var error = result.Error;
        if (result.Succeeded) _init = Adopt(pid, out error);
        _reaper.OrphanSettled();
        if (_init is null)
        {
            Refused(error);
            return;
        }

        _initStartTicks = identity?.StartTicks ?? 0;
        CompleteLeaf();
        StartPumping();
        Move(ShimEvent.RuncSucceeded);
        Answer(new StartResponse { Pid = pid, PidStartTicks = _initStartTicks, StartedAtNanos = _startedAtNanos });
        ResumeStop();
    }

    /// <summary>A container that nobody could watch must not run: null and the reason, also when no descriptor is free for it.</summary>
    private WatchedChild? Adopt(int pid, out string error)
    {
        error = $"runc left no process with pid {pid}";
        try
        {
            return pid > 0 ? _reaper.TryAdopt(pid, InitExited) : null;
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
            _leaf.Kill();
        }
    }

    /// <summary>What runc could not know: limits updated since config.json was written.</summary>
    private void CompleteLeaf()
    {
        try
        {
            if (_updatedBeforeStart) _limits.Apply(_limits.InForce.Clone(), true);
        }
        catch (RuntimeFault e)
        {
            ErrorLog.Write($"failed to give the new leaf the updated limits: {e.Message}");
        }
    }

    private void Refused(string error)
    {
        // Whatever runc had begun: nothing of it may stay, and its words on the container's stderr are no output of the container.
        _stopDeadline.Clear();
        _leaf.Kill();
        _stdio!.Dispose();
        _exit = new ExitRecord
        {
            ContainerId = _launch.ContainerId,
            Generation = _launch.Generation,
            Code = 128,
            Signal = 0,
            Reason = "StartError",
            Message = error,
            StartedAtNanos = _startedAtNanos,
            FinishedAtNanos = _startedAtNanos,
        };
        RecordExit();
    }

    private void Answer(StartResponse response)
    {
        _startCall?.Reply(response);
        _startCall = null;
    }
}
