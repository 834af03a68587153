namespace ShimRuntime.Runtime.Metrics;

/// <summary>
/// Every series that this runtime has, with the names, types and labels of cAdvisor, which kubelet's /metrics/cadvisor serves for other
/// runtimes. CRI carries whole numbers: seconds are rounded down.
/// </summary>
internal static partial class MetricCatalog
{
    public static IReadOnlyList<MetricDefinition> All =>
        [.. CpuGroup, .. MemoryGroup, .. DiskGroup, .. NetworkGroup, .. ProcessesGroup, .. PressureGroup, .. LifeGroup];
}
