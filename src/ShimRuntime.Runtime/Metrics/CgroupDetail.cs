using ShimRuntime.Runtime.Stats;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>What metrics want of a container's cgroup beyond its stats.</summary>
internal sealed class CgroupDetail
{
    public ulong CpuUserNanos { get; init; }

    public ulong CpuSystemNanos { get; init; }

    public Throttling Throttling { get; init; }

    /// <summary>The most that was in use; null: the kernel does not remember (before Linux 5.19 on v2).</summary>
    public ulong? MemoryPeakBytes { get; init; }

    public ulong MemoryKernelBytes { get; init; }

    /// <summary>Times that the limit was hit.</summary>
    public ulong MemoryLimitHits { get; init; }

    /// <summary>v2 alone.</summary>
    public ulong MemoryHighHits { get; init; }

    public ulong OomKills { get; init; }

    public ulong Threads { get; init; }

    /// <summary>0: no limit.</summary>
    public ulong ThreadsMax { get; init; }

    public IReadOnlyList<DeviceIo> Io { get; init; } = [];

    public IReadOnlyList<HugePageUsage> HugePages { get; init; } = [];
}

/// <summary>CPU quota: intervals that have elapsed, those in which the quota was used up, and the time waited.</summary>
internal readonly record struct Throttling(ulong Periods, ulong Throttled, ulong Nanos)
{
    /// <summary>The quota stands on the container and on its leaf; whichever of them binds tells.</summary>
    public static Throttling Binding(Throttling container, Throttling leaf) => leaf.Nanos >= container.Nanos && leaf.Periods > 0 ? leaf : container;

    public Throttling Plus(LeafCounters ended) => new(Periods + ended.Periods, Throttled + ended.Throttled, Nanos + ended.ThrottledNanos);

    /// <summary>cpu.stat, of v2 (throttled_usec) and of v1 (throttled_time, in nanoseconds).</summary>
    public static Throttling Parse(ReadOnlySpan<byte> stat)
    {
        var parsed = default(Throttling);
        for (var keys = new FlatKeys(stat); keys.Next();)
        {
            if (keys.Key.SequenceEqual("nr_periods"u8)) parsed = parsed with { Periods = keys.Value };
            else if (keys.Key.SequenceEqual("nr_throttled"u8)) parsed = parsed with { Throttled = keys.Value };
            else if (keys.Key.SequenceEqual("throttled_usec"u8)) parsed = parsed with { Nanos = keys.Value * 1000 };
            else if (keys.Key.SequenceEqual("throttled_time"u8)) parsed = parsed with { Nanos = keys.Value };
        }

        return parsed;
    }
}

/// <param name="PageSize">As the kernel names it in files: 2MB, 1GB.</param>
/// <param name="PeakBytes">v1 alone.</param>
internal readonly record struct HugePageUsage(string PageSize, ulong Bytes, ulong PeakBytes);
