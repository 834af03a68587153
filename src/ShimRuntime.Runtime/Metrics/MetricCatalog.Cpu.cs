using static ShimRuntime.Cri.V1.MetricType;

namespace ShimRuntime.Runtime.Metrics;

/// <content>CPU time.</content>
internal static partial class MetricCatalog
{
    public static readonly MetricDefinition CpuUser = new(
        "container_cpu_user_seconds_total", "Cumulative CPU time spent in user mode, in whole seconds.", Counter);

    public static readonly MetricDefinition CpuSystem = new(
        "container_cpu_system_seconds_total", "Cumulative CPU time spent in the kernel, in whole seconds.", Counter);

    public static readonly MetricDefinition CpuUsage = new(
        "container_cpu_usage_seconds_total", "Cumulative CPU time consumed, in whole seconds.", Counter, "cpu");

    public static readonly MetricDefinition CfsPeriods = new(
        "container_cpu_cfs_periods_total", "Enforcement intervals of the CPU quota that have elapsed.", Counter);

    public static readonly MetricDefinition CfsThrottledPeriods = new(
        "container_cpu_cfs_throttled_periods_total", "Enforcement intervals in which the CPU quota was used up.", Counter);

    public static readonly MetricDefinition CfsThrottledTime = new(
        "container_cpu_cfs_throttled_seconds_total", "Time spent throttled by the CPU quota, in whole seconds.", Counter);

    private static readonly MetricDefinition[] CpuGroup =
    [
        CpuUser, CpuSystem, CpuUsage, CfsPeriods, CfsThrottledPeriods, CfsThrottledTime,
    ];
}
