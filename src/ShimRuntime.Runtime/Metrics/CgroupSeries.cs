using ShimRuntime.Runtime.Stats;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>The series that a container's cgroup and a pod's have alike.</summary>
internal static class CgroupSeries
{
    private const ulong NanosPerMicrosecond = 1000;

    public static void Add(MetricWriter writer, CgroupSample sample)
    {
        var memory = sample.Memory;
        writer.AddSeconds(MetricCatalog.CpuUsage, sample.CpuNanos, "total");
        writer.Add(MetricCatalog.MemoryUsage, sample.MemoryBytes);
        writer.Add(MetricCatalog.MemoryWorkingSet, sample.WorkingSetBytes);
        writer.Add(MetricCatalog.MemoryRss, memory.AnonymousBytes);
        writer.Add(MetricCatalog.MemoryCache, memory.FileBytes);
        writer.Add(MetricCatalog.MemoryMappedFile, memory.MappedFileBytes);
        writer.Add(MetricCatalog.MemorySwap, sample.SwapBytes ?? 0);
        writer.Add(MetricCatalog.MemoryActiveFile, memory.ActiveFileBytes);
        writer.Add(MetricCatalog.MemoryInactiveFile, memory.InactiveFileBytes);
        foreach (var scope in (ReadOnlySpan<string>)["container", "hierarchy"])
        {
            writer.Add(MetricCatalog.MemoryFailures, memory.PageFaults, "pgfault", scope);
            writer.Add(MetricCatalog.MemoryFailures, memory.MajorPageFaults, "pgmajfault", scope);
        }

        Add(writer, sample.CpuPressure, MetricCatalog.PressureCpuWaiting, MetricCatalog.PressureCpuStalled);
        Add(writer, sample.MemoryPressure, MetricCatalog.PressureMemoryWaiting, MetricCatalog.PressureMemoryStalled);
        Add(writer, sample.IoPressure, MetricCatalog.PressureIoWaiting, MetricCatalog.PressureIoStalled);
    }

    private static void Add(MetricWriter writer, PressureSample? pressure, MetricDefinition some, MetricDefinition full)
    {
        if (pressure is not { } measured) return;
        writer.AddSeconds(some, measured.Some.TotalMicroseconds * NanosPerMicrosecond);
        writer.AddSeconds(full, measured.Full.TotalMicroseconds * NanosPerMicrosecond);
    }
}
