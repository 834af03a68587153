using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Reaping;

/// <summary>A child that somebody waits for: its pidfd in the loop, its exit told once.</summary>
internal sealed class WatchedChild : IEpollHandler
{
    private readonly Reaper _reaper;
    private readonly Action<ExitCode> _onExit;

    internal WatchedChild(Reaper reaper, int pid, SafePidFd? pidFd, Action<ExitCode> onExit) =>
        (_reaper, Pid, PidFd, _onExit) = (reaper, pid, pidFd, onExit);

    public int Pid { get; }

    public bool HasExited { get; private set; }

    internal SafePidFd? PidFd { get; }

    /// <summary>Sends a signal by pidfd; false when the process has ended.</summary>
    public bool Signal(int signal) => !HasExited && PidFd!.Signal(signal);

    public void OnReady(uint events)
    {
        if (PidFd!.TryReap() is { } exit) _reaper.Deliver(this, exit);
    }

    internal void Exited(ExitCode exit)
    {
        if (HasExited) return;
        HasExited = true;
        PidFd?.Dispose();
        _onExit(exit);
    }
}
