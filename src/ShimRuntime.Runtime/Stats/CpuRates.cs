using System.Collections.Concurrent;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// usage_nano_cores: CPU time used between two samples, by the time between them. The older of the two is always one that the daemon's own
/// sampler took, never a client's, so any number of clients may ask at any intervals and all get the same kind of answer: the rate over the
/// last one to <see cref="CpuSampler.Interval"/> + 1 seconds. A container younger than its first sample is counted from its creation, when
/// nothing had been used: runc's own start is in the cgroup's figure. Times are monotonic: a step of the wall clock is no load.
/// </summary>
internal sealed class CpuRates
{
    private const long MinIntervalNanos = 1_000_000_000;
    private readonly ConcurrentDictionary<string, Window> _windows = new(StringComparer.Ordinal);

    /// <summary>A sample of the sampler's: what later rates are counted from.</summary>
    /// <param name="monotonicNanos">Of one clock that never steps, in all calls.</param>
    public void Keep(string key, long monotonicNanos, ulong cpuNanos)
    {
        var now = new Point(monotonicNanos, cpuNanos);
        _windows.AddOrUpdate(key, static (_, n) => new Window(null, n), static (_, old, n) => new Window(old.Last, n), now);
    }

    /// <summary>Nanoseconds of CPU a second (1e9: one core busy).</summary>
    /// <param name="ageNanos">Since the creation of what is measured: the base of the first rate of all.</param>
    public ulong Of(string key, long monotonicNanos, ulong cpuNanos, long ageNanos)
    {
        var start = new Point(monotonicNanos - Math.Max(ageNanos, 1), 0);
        var from = Base(key, monotonicNanos, start);
        var elapsed = monotonicNanos - from.AtNanos;
        if (elapsed <= 0 || cpuNanos < from.CpuNanos) return 0;
        return (ulong)((UInt128)(cpuNanos - from.CpuNanos) * 1_000_000_000 / (ulong)elapsed);
    }

    /// <summary>Forgets all that <paramref name="stays"/> does not say.</summary>
    public void Forget(Func<string, bool> stays)
    {
        foreach (var (key, _) in _windows)
        {
            if (!stays(key)) _windows.TryRemove(key, out _);
        }
    }

    private Point Base(string key, long now, Point start)
    {
        if (!_windows.TryGetValue(key, out var window)) return start;
        if (now - window.Last.AtNanos >= MinIntervalNanos) return window.Last;
        // The last sample is too fresh to divide by; a container that was adopted a moment ago has no other but its start.
        return window.Before ?? start;
    }

    private readonly record struct Point(long AtNanos, ulong CpuNanos);

    private sealed record Window(Point? Before, Point Last);
}
