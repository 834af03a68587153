using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Generations;

/// <content>Stop: a signal by pidfd, then SIGKILL to the whole leaf when the time is up. A stop during a stop shortens.</content>
internal sealed partial class Generation
{
    private const int SIGKILL = 9;
    private static readonly TimeSpan KillAgainInterval = TimeSpan.FromSeconds(1);
    private readonly LoopTimer _stopDeadline;
    private int _stopSignal; // the one last sent; 0: no stop yet
    private bool _killed;

    public bool IsStopping => _stopSignal != 0;

    /// <summary>Remembered while runc is at work; acts then.</summary>
    public void Stop(int signal, TimeSpan timeout)
    {
        if (Exit is not null || _init is { HasExited: true }) return; // ending already
        if (timeout == TimeSpan.Zero) signal = SIGKILL;
        // The same word twice is no use, and for some programs a second one means "at once".
        var news = signal != _stopSignal;
        _stopSignal = signal;
        if (!_killed && (!_stopDeadline.IsSet || timeout < _stopDeadline.Remaining)) _stopDeadline.Set(timeout);
        if (timeout == TimeSpan.Zero) StopDeadlinePassed();
        else if (news) _init?.Signal(signal);
    }

    public void Kill() => Stop(SIGKILL, TimeSpan.Zero);

    /// <summary>runc has succeeded: a stop that came while it ran acts now.</summary>
    private void ResumeStop()
    {
        if (_stopSignal == 0) return;
        if (_killed) StopDeadlinePassed();
        else _init?.Signal(_stopSignal);
    }

    /// <summary>Kills all there is; again every second, for what could not die the first time (frozen from outside, or new).</summary>
    private void StopDeadlinePassed()
    {
        _killed = true;
        _call?.Kill("the container was stopped while it started");
        _init?.Signal(SIGKILL);
        Leaf.Kill();
        _stopDeadline.Set(KillAgainInterval);
    }
}
