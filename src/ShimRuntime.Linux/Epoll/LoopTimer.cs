namespace ShimRuntime.Linux;

/// <summary>One deadline of an <see cref="EpollLoop"/>: set, moved and cleared by its owner, run once by the loop.</summary>
public sealed class LoopTimer
{
    private readonly EpollLoop _loop;

    internal LoopTimer(EpollLoop loop, Action onDue)
    {
        _loop = loop;
        OnDue = onDue;
    }

    public bool IsSet { get; private set; }

    internal Action OnDue { get; }

    /// <summary>Milliseconds of CLOCK_MONOTONIC.</summary>
    internal long DueMilliseconds { get; private set; }

    /// <summary>What is left; zero when due or not set.</summary>
    public TimeSpan Remaining => IsSet ? TimeSpan.FromMilliseconds(Math.Max(0, DueMilliseconds - Environment.TickCount64)) : TimeSpan.Zero;

    public void Set(TimeSpan delay)
    {
        DueMilliseconds = Environment.TickCount64 + (long)Math.Ceiling(delay.TotalMilliseconds);
        if (!IsSet) _loop.Arm(this);
        IsSet = true;
    }

    public void Clear()
    {
        if (IsSet) _loop.Disarm(this);
        IsSet = false;
    }

    internal void Fire()
    {
        Clear();
        OnDue();
    }
}
