using static ShimRuntime.Cri.V1.MetricType;

namespace ShimRuntime.Runtime.Metrics;

/// <content>When it was made, started and seen, and what it was given.</content>
internal static partial class MetricCatalog
{
    public static readonly MetricDefinition LastSeen = new(
        "container_last_seen", "When this sample was taken, in seconds since 1970.", Gauge);

    public static readonly MetricDefinition StartTime = new(
        "container_start_time_seconds", "When it was started, in seconds since 1970.", Gauge);

    public static readonly MetricDefinition CreationTime = new(
        "container_creation_time_seconds", "When it was created, in seconds since 1970.", Gauge);

    public static readonly MetricDefinition SpecCpuPeriod = new(
        "container_spec_cpu_period", "Period of the CPU quota, in microseconds.", Gauge);

    public static readonly MetricDefinition SpecCpuQuota = new(
        "container_spec_cpu_quota", "CPU quota in microseconds a period; absent without a quota.", Gauge);

    public static readonly MetricDefinition SpecCpuShares = new(
        "container_spec_cpu_shares", "CPU shares.", Gauge);

    public static readonly MetricDefinition SpecMemoryLimit = new(
        "container_spec_memory_limit_bytes", "Memory limit; 0: none.", Gauge);

    public static readonly MetricDefinition SpecMemorySwapLimit = new(
        "container_spec_memory_swap_limit_bytes", "Limit of memory and swap together; 0: none.", Gauge);

    public static readonly MetricDefinition SpecMemoryReservation = new(
        "container_spec_memory_reservation_limit_bytes", "Memory that is protected from reclaim; 0: none.", Gauge);

    private static readonly MetricDefinition[] LifeGroup =
    [
        LastSeen, StartTime, CreationTime, SpecCpuPeriod, SpecCpuQuota, SpecCpuShares, SpecMemoryLimit, SpecMemorySwapLimit,
        SpecMemoryReservation,
    ];
}
