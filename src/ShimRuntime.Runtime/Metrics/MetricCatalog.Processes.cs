using static ShimRuntime.Cri.V1.MetricType;

namespace ShimRuntime.Runtime.Metrics;

/// <content>Processes and what they hold.</content>
internal static partial class MetricCatalog
{
    public static readonly MetricDefinition Processes = new(
        "container_processes", "Processes running inside.", Gauge);

    public static readonly MetricDefinition Threads = new(
        "container_threads", "Threads running inside.", Gauge);

    public static readonly MetricDefinition ThreadsMax = new(
        "container_threads_max", "Most threads that are allowed inside; 0: no limit.", Gauge);

    public static readonly MetricDefinition FileDescriptors = new(
        "container_file_descriptors", "Open file descriptors.", Gauge);

    public static readonly MetricDefinition Sockets = new(
        "container_sockets", "Open sockets.", Gauge);

    public static readonly MetricDefinition UlimitsSoft = new(
        "container_ulimits_soft", "Soft limits of the first process.", Gauge, "ulimit");

    private static readonly MetricDefinition[] ProcessesGroup =
    [
        Processes, Threads, ThreadsMax, FileDescriptors, Sockets, UlimitsSoft,
    ];
}
