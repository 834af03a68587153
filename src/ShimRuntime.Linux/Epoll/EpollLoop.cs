using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// One thread, one epoll (epoll(7)), level-triggered. Everything that its owner does happens on the thread that calls
/// <see cref="Run"/>, so nothing in it is locked. Sleeps without a time-out unless a <see cref="LoopTimer"/> is set. Allocates nothing
/// while it runs.
/// </summary>
/// <param name="report">Told of a handler that threw; its descriptor is then no longer watched, so that the loop can't spin on it.</param>
public sealed unsafe class EpollLoop(Action<Exception> report) : IDisposable
{
    private const int EventsPerWait = 32;
    private readonly int _epoll = LinuxCheck(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    private readonly Queue<Action> _posted = new();
    private readonly List<LoopTimer> _timers = [];
    private Registration[] _registrations = new Registration[32];
    private uint _generation;
    private bool _stopped;

    public void Add(int fd, uint events, IEpollHandler handler)
    {
        if (fd >= _registrations.Length) Array.Resize(ref _registrations, Math.Max(fd + 1, _registrations.Length * 2));
        _registrations[fd] = new Registration(handler, ++_generation);
        try
        {
            Control(EPOLL_CTL_ADD, fd, events);
        }
        catch
        {
            _registrations[fd] = default;
            throw;
        }
    }

    public void Modify(int fd, uint events) => Control(EPOLL_CTL_MOD, fd, events);

    /// <summary>Stops watching; to be called before the descriptor is closed. Events already fetched for it are dropped.</summary>
    public void Remove(int fd)
    {
        if (fd >= _registrations.Length || _registrations[fd].Handler is null) return;
        _registrations[fd] = default;
        _ = epoll_ctl(_epoll, EPOLL_CTL_DEL, fd, null);
    }

    /// <summary>A timer that is not set yet.</summary>
    public LoopTimer CreateTimer(Action onDue) => new(this, onDue);

    /// <summary>Runs <paramref name="action"/> on the loop after the handler at work has returned.</summary>
    public void Post(Action action) => _posted.Enqueue(action);

    /// <summary>Nothing waits to be run but what runs now.</summary>
    public bool IsQuiet => _posted.Count == 0;

    /// <summary>Makes <see cref="Run"/> return once what is posted has run.</summary>
    public void Stop() => _stopped = true;

    public void Run()
    {
        var events = stackalloc epoll_event[EventsPerWait];
        while (true)
        {
            RunPosted();
            if (_stopped) return;
            var count = epoll_wait(_epoll, events, EventsPerWait, TimeoutMilliseconds());
            if (count < 0 && errno != Errno.EINTR) throw new LinuxException("epoll_wait", errno);
            for (var i = 0; i < count; i++) Deliver(events[i].data.u64, (uint)events[i].events);
            if (_timers.Count > 0) FireDue();
        }
    }

    public void Dispose() => _ = close(_epoll);

    internal void Arm(LoopTimer timer) => _timers.Add(timer);

    internal void Disarm(LoopTimer timer) => _timers.Remove(timer);

    private void Deliver(ulong key, uint events)
    {
        var fd = (int)(uint)key;
        var registration = _registrations[fd];
        if (registration.Handler is null || registration.Generation != (uint)(key >> 32)) return;
        try
        {
            registration.Handler.OnReady(events);
        }
        catch (Exception e)
        {
            if (_registrations[fd].Generation == registration.Generation) Remove(fd);
            report(e);
        }
    }

    private void RunPosted()
    {
        while (_posted.TryDequeue(out var action)) Guard(action);
    }

    /// <summary>Earliest first, looked up anew each time: a timer's action may clear or set others.</summary>
    private void FireDue()
    {
        var now = MonotonicClock.Milliseconds;
        while (Earliest() is { } timer && timer.DueMilliseconds <= now) Guard(timer.Fire);
    }

    private LoopTimer? Earliest()
    {
        LoopTimer? earliest = null;
        foreach (var timer in _timers)
        {
            if (earliest is null || timer.DueMilliseconds < earliest.DueMilliseconds) earliest = timer;
        }

        return earliest;
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            report(e);
        }
    }

    private int TimeoutMilliseconds()
    {
        if (Earliest() is not { } timer) return -1;
        return (int)Math.Clamp(timer.DueMilliseconds - MonotonicClock.Milliseconds, 0, int.MaxValue);
    }

    private void Control(int operation, int fd, uint events)
    {
        epoll_event e = default;
        e.events = (int)events;
        e.data.u64 = ((ulong)_registrations[fd].Generation << 32) | (uint)fd;
        LinuxCheck(epoll_ctl(_epoll, operation, fd, &e), "epoll_ctl");
    }

    private static int LinuxCheck(int result, string call) => result >= 0 ? result : throw new LinuxException(call, errno);

    private readonly record struct Registration(IEpollHandler? Handler, uint Generation);
}
