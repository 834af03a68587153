using System.Collections.Concurrent;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// usage_nano_cores: the CPU time used between two samples, by the time between them. The base is a sample at least a second old, so that
/// two clients that ask in quick succession don't see noise; before there is one it is the container's start, when nothing had been used.
/// </summary>
internal sealed class CpuRates
{
    private const long MinIntervalNanos = 1_000_000_000;
    private readonly ConcurrentDictionary<string, Window> _windows = new(StringComparer.Ordinal);

    /// <summary>Nanoseconds of CPU a second (1e9: one core busy). Null when no time has passed.</summary>
    public ulong? Next(string key, long atNanos, ulong cpuNanos, long startedAtNanos)
    {
        var now = new Point(atNanos, cpuNanos);
        var window = _windows.AddOrUpdate(key,
            static (_, n) => new Window(n.Start, n.Now),
            static (_, old, n) => n.Now.AtNanos - old.Latest.AtNanos >= MinIntervalNanos ? new Window(old.Latest, n.Now) : old,
            (Now: now, Start: new Point(startedAtNanos, 0)));
        var (from, elapsed) = (window.Base, atNanos - window.Base.AtNanos);
        if (elapsed <= 0 || cpuNanos < from.CpuNanos) return null;
        return (ulong)((UInt128)(cpuNanos - from.CpuNanos) * 1_000_000_000 / (ulong)elapsed);
    }

    /// <summary>Forgets what no longer exists.</summary>
    public void Keep(IReadOnlySet<string> keys)
    {
        foreach (var (key, _) in _windows)
        {
            if (!keys.Contains(key)) _windows.TryRemove(key, out _);
        }
    }

    private readonly record struct Point(long AtNanos, ulong CpuNanos);

    /// <param name="Base">What a rate is counted from.</param>
    /// <param name="Latest">What the base becomes once a sample a second later comes.</param>
    private readonly record struct Window(Point Base, Point Latest);
}
