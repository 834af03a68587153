using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Reaping;

/// <summary>
/// Reaps every child. Those that somebody waits for are told by pidfd; orphans that the kernel hands to this subreaper (of containers
/// in the host's PID namespace, of killed execs) by SIGCHLD through a signalfd and a sweep with waitid(P_ALL). A process that runc
/// starts becomes ours when runc ends, maybe as a zombie already, before we have read its pid: while such a one is expected, exits of
/// unknown pids are kept until it is claimed.
/// </summary>
internal sealed partial class Reaper : IEpollHandler, IDisposable
{
    private const int SIGCHLD = 17;
    private const int SIGKILL = 9;
    private readonly EpollLoop _loop;
    private readonly SignalFd _signals = new(SIGCHLD);
    private readonly Dictionary<int, WatchedChild> _children = [];
    private readonly Dictionary<int, ExitCode> _unclaimed = [];
    private int _expected;

    public Reaper(EpollLoop loop)
    {
        _loop = loop;
        _loop.Add(_signals.Fd, (uint)EPOLLIN, this);
    }

    /// <summary>Starts a process and tells its exit.</summary>
    /// <exception cref="LinuxException">exec failed.</exception>
    public WatchedChild Spawn(SpawnRequest request, Action<ExitCode> onExit)
    {
        var process = Spawner.Spawn(request);
        try
        {
            return Watch(process.Pid, process.PidFd, onExit);
        }
        catch
        {
            _ = Tmds.Linux.LibC.kill(process.Pid, SIGKILL); // nobody would hear of its end; the sweep reaps it
            throw;
        }
    }

    /// <summary>A grandchild will become ours: keep exits of unknown pids. Ended by <see cref="OrphanSettled"/>.</summary>
    public void ExpectOrphan() => _expected++;

    public void OrphanSettled()
    {
        if (--_expected == 0) _unclaimed.Clear();
    }

    /// <summary>Watches a process that became our child; null when it never did. An exit that came first is told soon.</summary>
    public WatchedChild? TryAdopt(int pid, Action<ExitCode> onExit)
    {
        // The living first: an exit kept for this pid is then of an earlier bearer of it. A child's pid is not given to anybody else before
        // we reap it, so this pidfd is of that very process.
        if (ChildProcesses.IsChild(pid) && SafePidFd.TryOpen(pid) is { } pidFd) return Watch(pid, pidFd, onExit);
        if (!_unclaimed.Remove(pid, out var exit)) return null;
        var ended = new WatchedChild(this, pid, null, onExit);
        _loop.Post(() => ended.Exited(exit));
        return ended;
    }

    public void OnReady(uint events)
    {
        _signals.Drain();
        while (ChildProcesses.TryReapAny(out var pid, out var exit))
        {
            if (_children.TryGetValue(pid, out var child)) DeliverSoon(child, exit);
            else if (_expected > 0) _unclaimed[pid] = exit;
        }
    }

    public void Dispose()
    {
        _loop.Remove(_signals.Fd);
        _signals.Dispose();
    }

    internal void Deliver(WatchedChild child, ExitCode exit)
    {
        Forget(child);
        child.Exited(exit);
    }

    /// <summary>After the sweep: an owner that throws at the news must not end it, nor have the loop drop the signalfd.</summary>
    private void DeliverSoon(WatchedChild child, ExitCode exit)
    {
        Forget(child);
        _loop.Post(() => child.Exited(exit));
    }

    private void Forget(WatchedChild child)
    {
        _children.Remove(child.Pid);
        _loop.Remove(child.PidFd!.Fd);
    }

    private WatchedChild Watch(int pid, SafePidFd pidFd, Action<ExitCode> onExit)
    {
        var child = new WatchedChild(this, pid, pidFd, onExit);
        try
        {
            _loop.Add(pidFd.Fd, (uint)EPOLLIN, child);
        }
        catch
        {
            pidFd.Dispose();
            throw;
        }

        _children[pid] = child;
        return child;
    }
}
