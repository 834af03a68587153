using System.Collections.Concurrent;
using System.Diagnostics;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>
/// Open descriptors of containers: the one number here that costs a system call for each thing counted. So it is counted again only after
/// ten seconds, or after thirty times what the last count took, and up to a bound.
/// </summary>
internal sealed class DescriptorCounts
{
    private const int PauseFactor = 30;

    /// <summary>Of one container; what lies beyond is not looked at.</summary>
    private const int Most = 16_384;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, Counted> _counts = new(StringComparer.Ordinal);

    public OpenDescriptors Of(string containerId, IReadOnlyList<int> pids)
    {
        var started = Stopwatch.GetTimestamp();
        if (_counts.TryGetValue(containerId, out var last) && started < last.GoodUntil) return last.Value;
        int all = 0, sockets = 0;
        foreach (var pid in pids)
        {
            if (all >= Most) break;
            var one = OpenDescriptors.Of(pid, Most - all);
            all += one.All;
            sockets += one.Sockets;
        }

        var pause = Stopwatch.GetElapsedTime(started) * PauseFactor;
        var goodFor = (pause > Interval ? pause : Interval).TotalSeconds * Stopwatch.Frequency;
        var value = new OpenDescriptors(all, sockets);
        _counts[containerId] = new Counted(value, started + (long)goodFor);
        return value;
    }

    public void Forget(Func<string, bool> stays)
    {
        foreach (var (id, _) in _counts)
        {
            if (!stays(id)) _counts.TryRemove(id, out _);
        }
    }

    private sealed record Counted(OpenDescriptors Value, long GoodUntil);
}
