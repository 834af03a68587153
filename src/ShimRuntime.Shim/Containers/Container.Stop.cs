using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <content>Stop: a signal by pidfd, then SIGKILL to the whole leaf when the time is up. A stop during a stop shortens.</content>
internal sealed partial class Container
{
    private const int SIGTERM = 15;
    private const int SIGKILL = 9;
    private const int MaxSignal = 64;
    private static readonly TimeSpan KillAgainInterval = TimeSpan.FromSeconds(1);
    private readonly LoopTimer _stopDeadline;
    private int _stopSignal; // the one last sent; 0: no stop yet
    private bool _killed;

    /// <exception cref="RuntimeFault">FailedPrecondition: never started. InvalidArgument: no such signal.</exception>
    public void Stop(ShimCall call, StopRequest request)
    {
        if (request.Signal is < 0 or > MaxSignal)
            throw RuntimeFault.InvalidArgument($"failed to stop the container: {request.Signal} is no signal");
        if (_state == ShimState.Created) throw RuntimeFault.FailedPrecondition("failed to stop the container: it was not started");
        if (_exitRecorded)
        {
            call.Reply(_exit!.ToStatus());
            return;
        }

        AddWaiter(call);
        var timeout = TimeSpan.FromMilliseconds(Math.Min(request.TimeoutMilliseconds, int.MaxValue));
        Stop(request.Signal == 0 ? SIGTERM : request.Signal, timeout);
    }

    private void Stop(int signal, TimeSpan timeout)
    {
        if (_exit is not null || _init is { HasExited: true }) return; // ending already, the record is on its way
        Move(ShimEvent.StopAsked);
        if (timeout == TimeSpan.Zero) signal = SIGKILL;
        // The same word twice is no use, and for some programs a second one means "at once".
        var news = signal != _stopSignal;
        _stopSignal = signal;
        EndPause("the container is being stopped");
        if (!_killed && (!_stopDeadline.IsSet || timeout < _stopDeadline.Remaining)) _stopDeadline.Set(timeout);
        if (timeout == TimeSpan.Zero) StopDeadlinePassed();
        else if (news) _init?.Signal(signal);
    }

    /// <summary>runc has succeeded: a stop that came while it ran acts now.</summary>
    private void ResumeStop()
    {
        if (_stopSignal == 0) return;
        Move(ShimEvent.StopAsked);
        if (_killed) StopDeadlinePassed();
        else _init?.Signal(_stopSignal);
    }

    /// <summary>Kills all there is; again every second, for what could not die the first time (frozen from outside, or new).</summary>
    private void StopDeadlinePassed()
    {
        _killed = true;
        _runCall?.Kill("the container was stopped while it started");
        _init?.Signal(SIGKILL);
        _leaf.Kill();
        _stopDeadline.Set(KillAgainInterval);
    }
}
