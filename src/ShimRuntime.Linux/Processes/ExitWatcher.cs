using System.Collections.Concurrent;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// Turns pidfds into tasks for a process that has a thread pool (the daemon): one epoll thread for all, no polling, no SIGCHLD. The
/// shim does not use it; its own loop does.
/// </summary>
public sealed class ExitWatcher : IDisposable
{
    private readonly int _epoll;
    private readonly int _stop;
    private readonly ConcurrentDictionary<long, (TaskCompletionSource Done, int Fd)> _waits = new();
    private long _next;

    public ExitWatcher()
    {
        _epoll = Check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
        _stop = Check(eventfd(0, EFD_CLOEXEC), "eventfd");
        Add(_stop, EPOLLIN, 0);
        new Thread(Loop) { IsBackground = true, Name = "exit-watcher" }.Start();
    }

    /// <summary>Completes when the process has ended (it is then a zombie or gone). Any process, child or not.</summary>
    public async Task WaitAsync(SafePidFd process, CancellationToken cancellation)
    {
        var key = Interlocked.Increment(ref _next);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // A duplicate, so that the caller may dispose its handle while the loop still looks at ours.
        var fd = Check(fcntl(process.Fd, F_DUPFD_CLOEXEC, 3), "fcntl F_DUPFD_CLOEXEC");
        _waits[key] = (done, fd);
        try
        {
            // One shot: the loop never takes a descriptor out itself, whose number might by then be another wait's.
            Add(fd, EPOLLIN | EPOLLONESHOT, (ulong)key);
            await done.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            Release(key);
        }
    }

    /// <summary>Waits for a child of ours and reaps it.</summary>
    public async Task<ExitCode> ReapAsync(SpawnedProcess process, CancellationToken cancellation)
    {
        await WaitAsync(process.PidFd, cancellation).ConfigureAwait(false);
        return process.PidFd.TryReap() ?? throw new InvalidOperationException($"pid {process.Pid} ended and could not be reaped");
    }

    /// <summary>As <see cref="ReapAsync"/>; when the token fires the child is killed, and reaped all the same, before that is thrown.</summary>
    public async Task<ExitCode> ReapOrKillAsync(SpawnedProcess process, CancellationToken deadline)
    {
        try
        {
            return await ReapAsync(process, deadline).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.PidFd.Signal(9);
            await ReapAsync(process, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    public unsafe void Dispose()
    {
        ulong one = 1;
        _ = write(_stop, &one, 8);
    }

    private unsafe void Add(int fd, int wanted, ulong key)
    {
        epoll_event e = default;
        e.events = wanted;
        e.data.u64 = key;
        _ = Check(epoll_ctl(_epoll, EPOLL_CTL_ADD, fd, &e), "epoll_ctl ADD");
    }

    private unsafe void Release(long key)
    {
        if (!_waits.TryRemove(key, out var wait)) return;
        _ = epoll_ctl(_epoll, EPOLL_CTL_DEL, wait.Fd, null);
        _ = close(wait.Fd);
    }

    private unsafe void Loop()
    {
        var events = stackalloc epoll_event[64];
        while (true)
        {
            var count = epoll_wait(_epoll, events, 64, -1);
            if (count < 0 && errno != Errno.EINTR) return;
            for (var i = 0; i < count; i++)
            {
                var key = (long)events[i].data.u64;
                if (key == 0)
                {
                    _ = close(_epoll);
                    _ = close(_stop);
                    return;
                }

                if (_waits.TryGetValue(key, out var wait)) wait.Done.TrySetResult();
            }
        }
    }

    private static int Check(int result, string call) => result >= 0 ? result : throw new LinuxException(call, errno);
}
