using static ShimRuntime.Cri.V1.MetricType;

namespace ShimRuntime.Runtime.Metrics;

/// <content>Memory, swap and huge pages.</content>
internal static partial class MetricCatalog
{
    public static readonly MetricDefinition MemoryUsage = new(
        "container_memory_usage_bytes", "Memory in use, page cache included.", Gauge);

    public static readonly MetricDefinition MemoryWorkingSet = new(
        "container_memory_working_set_bytes", "Memory in use less inactive file pages: what eviction goes by.", Gauge);

    public static readonly MetricDefinition MemoryRss = new(
        "container_memory_rss", "Anonymous memory in bytes.", Gauge);

    public static readonly MetricDefinition MemoryCache = new(
        "container_memory_cache", "Page cache in bytes.", Gauge);

    public static readonly MetricDefinition MemoryMappedFile = new(
        "container_memory_mapped_file", "File pages that are mapped, in bytes.", Gauge);

    public static readonly MetricDefinition MemorySwap = new(
        "container_memory_swap", "Swap in use, in bytes.", Gauge);

    public static readonly MetricDefinition MemoryKernel = new(
        "container_memory_kernel_usage", "Kernel memory that is charged, in bytes.", Gauge);

    public static readonly MetricDefinition MemoryMaxUsage = new(
        "container_memory_max_usage_bytes", "The most memory that was ever in use, in bytes.", Gauge);

    public static readonly MetricDefinition MemoryActiveFile = new(
        "container_memory_total_active_file_bytes", "File pages on the active list, in bytes.", Gauge);

    public static readonly MetricDefinition MemoryInactiveFile = new(
        "container_memory_total_inactive_file_bytes", "File pages on the inactive list, in bytes.", Gauge);

    public static readonly MetricDefinition MemoryFailCount = new(
        "container_memory_failcnt", "Times that the memory limit was hit.", Counter);

    public static readonly MetricDefinition MemoryFailures = new(
        "container_memory_failures_total",
        "Page faults (pgfault) and those that waited for I/O (pgmajfault).", Counter, "failure_type", "scope");

    public static readonly MetricDefinition MemoryEventsHigh = new(
        "container_memory_events_high_total", "Times that memory.high was exceeded and processes were throttled.", Counter)
    {
        Needs = KernelFeature.MemoryEvents,
    };

    public static readonly MetricDefinition MemoryEventsMax = new(
        "container_memory_events_max_total", "Times that memory.max was about to be exceeded.", Counter)
    {
        Needs = KernelFeature.MemoryEvents,
    };

    public static readonly MetricDefinition OomEvents = new(
        "container_oom_events_total", "Processes killed for want of memory.", Counter);

    public static readonly MetricDefinition HugePages = new(
        "container_hugetlb_usage_bytes", "Huge pages in use, in bytes.", Gauge, "pagesize")
    {
        Needs = KernelFeature.HugePages,
    };

    public static readonly MetricDefinition HugePagesMaximum = new(
        "container_hugetlb_max_usage_bytes", "The most huge pages that were ever in use, in bytes.", Gauge, "pagesize")
    {
        Needs = KernelFeature.HugePagesMaximum,
    };

    private static readonly MetricDefinition[] MemoryGroup =
    [
        MemoryUsage, MemoryWorkingSet, MemoryRss, MemoryCache, MemoryMappedFile, MemorySwap, MemoryKernel, MemoryMaxUsage,
        MemoryActiveFile, MemoryInactiveFile, MemoryFailCount, MemoryFailures, MemoryEventsHigh, MemoryEventsMax, OomEvents,
        HugePages, HugePagesMaximum,
    ];
}
