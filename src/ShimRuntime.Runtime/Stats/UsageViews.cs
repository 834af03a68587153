using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Stats;

/// <summary>A sample as CRI's messages show it.</summary>
internal static class UsageViews
{
    private const string DefaultInterface = "eth0"; // CNI_IFNAME that plugins are called with

    public static CpuUsage Cpu(CgroupSample sample, ulong nanoCores) => new()
    {
        Timestamp = sample.AtNanos,
        UsageCoreNanoSeconds = Value(sample.CpuNanos),
        UsageNanoCores = Value(nanoCores),
        Psi = sample.CpuPressure?.ToCri(),
    };

    public static MemoryUsage Memory(CgroupSample sample) => new()
    {
        Timestamp = sample.AtNanos,
        WorkingSetBytes = Value(sample.WorkingSetBytes),
        AvailableBytes = Value(sample.MemoryLimitBytes is { } limit && limit > sample.WorkingSetBytes ? limit - sample.WorkingSetBytes : 0),
        UsageBytes = Value(sample.MemoryBytes),
        RssBytes = Value(sample.Memory.AnonymousBytes),
        PageFaults = Value(sample.Memory.PageFaults),
        MajorPageFaults = Value(sample.Memory.MajorPageFaults),
        Psi = sample.MemoryPressure?.ToCri(),
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
        sample.IoPressure is { } pressure ? new IoUsage { Timestamp = sample.AtNanos, Psi = pressure.ToCri() } : null;

    /// <summary>The first interface stands for the default one where CNI made none of that name.</summary>
    public static NetworkUsage Network(IReadOnlyList<InterfaceCounters> counters, long atNanos)
    {
        var usage = new NetworkUsage { Timestamp = atNanos };
        var main = counters.FirstOrDefault(c => c.Name == DefaultInterface) ?? counters[0];
        foreach (var counter in counters)
        {
            if (ReferenceEquals(counter, main)) usage.DefaultInterface = Interface(counter);
            else usage.Interfaces.Add(Interface(counter));
        }

        return usage;
    }

    public static UInt64Value Value(ulong value) => new() { Value = value };

    private static NetworkInterfaceUsage Interface(InterfaceCounters counter) => new()
    {
        Name = counter.Name,
        RxBytes = Value(counter.Received.Bytes),
        RxErrors = Value(counter.Received.Errors),
        TxBytes = Value(counter.Sent.Bytes),
        TxErrors = Value(counter.Sent.Errors),
    };
}
