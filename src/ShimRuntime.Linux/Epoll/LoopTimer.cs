namespace ShimRuntime.Linux;

/// <summary>One deadline of an <see cref="EpollLoop"/>: set, moved and cleared by its owner, run once by the loop.</summary>
public sealed class LoopTimer
{
    private readonly EpollLoop _loop;
    private long _dueMilliseconds;

    internal LoopTimer(EpollLoop loop, Action onDue)
    {
        _loop = loop;
        OnDue = onDue;
    }

    public bool IsSet { get; private set; }

    internal Action OnDue { get; }

    /// <summary>When, in milliseconds of <see cref="MonotonicClock"/>; 0: it is not set. Setting it to 0 changes nothing.</summary>
    public long DueMilliseconds
    {
        get => IsSet ? _dueMilliseconds : 0;
        set
        {
            if (value == 0) return;
            _dueMilliseconds = value;
            if (!IsSet) _loop.Arm(this);
            IsSet = true;
        }
    }

    /// <summary>What is left; zero when due or not set.</summary>
    public TimeSpan Remaining =>
        IsSet ? TimeSpan.FromMilliseconds(Math.Max(0, _dueMilliseconds - MonotonicClock.Milliseconds)) : TimeSpan.Zero;

    public void Set(TimeSpan delay) => DueMilliseconds = MonotonicClock.Milliseconds + (long)Math.Ceiling(delay.TotalMilliseconds);

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
