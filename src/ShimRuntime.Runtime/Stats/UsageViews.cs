using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Stats;

/// <summary>A sample as CRI's messages show it.</summary>
internal static class UsageViews
{
    public static CpuUsage Cpu(CgroupSample sample, ulong? nanoCores) => new()
    {
        Timestamp = sample.AtNanos,
        UsageCoreNanoSeconds = Value(sample.CpuNanos),
        UsageNanoCores = nanoCores is { } rate ? Value(rate) : null,
        Psi = sample.CpuPressure,
    };

    public static MemoryUsage Memory(CgroupSample sample) => new()
    {
        Timestamp = sample.AtNanos,
        WorkingSetBytes = Value(sample.WorkingSetBytes),
        AvailableBytes = Value(sample.MemoryLimitBytes is { } limit && limit > sample.WorkingSetBytes ? limit - sample.WorkingSetBytes : 0),
        UsageBytes = Value(sample.MemoryBytes),
        RssBytes = Value(sample.AnonymousBytes),
        PageFaults = Value(sample.PageFaults),
        MajorPageFaults = Value(sample.MajorPageFaults),
        Psi = sample.MemoryPressure,
    };

    /// <summary>Null where the kernel does not account swap.</summary>
    public static SwapUsage? Swap(CgroupSample sample)
    {
        if (sample.SwapBytes is not { } used) return null;
        return new SwapUsage
        {
            Timestamp = sample.AtNanos,
            SwapUsageBytes = Value(used),
            SwapAvailableBytes = Value(sample.SwapLimitBytes is { } limit && limit > used ? limit - used : 0),
        };
    }

    /// <summary>Null without pressure information.</summary>
    public static IoUsage? Io(CgroupSample sample) =>
        sample.IoPressure is { } pressure ? new IoUsage { Timestamp = sample.AtNanos, Psi = pressure } : null;

    public static UInt64Value Value(ulong value) => new() { Value = value };
}
