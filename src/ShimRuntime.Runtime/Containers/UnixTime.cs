namespace ShimRuntime.Runtime.Containers;

/// <summary>Unix time in nanoseconds, CRI's unit for times.</summary>
public static class UnixTime
{
    public static long NowNanos() => Nanos(DateTimeOffset.UtcNow);

    public static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
}
