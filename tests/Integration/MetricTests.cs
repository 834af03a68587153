using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>ListMetricDescriptors and ListPodSandboxMetrics: what takes the place of cAdvisor's series in kubelet.</summary>
public sealed class MetricTests(DaemonFixture daemon) : NodeTest(daemon)
{
    /// <summary>Names that kubelet's /metrics/cadvisor has for containers of other runtimes, on every kernel.</summary>
    private static readonly string[] Expected =
    [
        "container_blkio_device_usage_total", "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total",
        "container_cpu_cfs_throttled_seconds_total", "container_cpu_system_seconds_total", "container_cpu_usage_seconds_total",
        "container_cpu_user_seconds_total", "container_file_descriptors", "container_fs_inodes_free", "container_fs_inodes_total",
        "container_fs_limit_bytes", "container_fs_reads_bytes_total", "container_fs_reads_total", "container_fs_usage_bytes",
        "container_fs_writes_bytes_total", "container_fs_writes_total", "container_last_seen", "container_memory_cache",
        "container_memory_failcnt", "container_memory_failures_total", "container_memory_kernel_usage", "container_memory_mapped_file",
        "container_memory_max_usage_bytes", "container_memory_rss", "container_memory_swap", "container_memory_usage_bytes",
        "container_memory_working_set_bytes", "container_network_receive_bytes_total", "container_network_receive_errors_total",
        "container_network_receive_packets_dropped_total", "container_network_receive_packets_total",
        "container_network_transmit_bytes_total", "container_network_transmit_errors_total",
        "container_network_transmit_packets_dropped_total", "container_network_transmit_packets_total", "container_oom_events_total",
        "container_processes", "container_sockets", "container_spec_cpu_period", "container_spec_cpu_quota", "container_spec_cpu_shares",
        "container_spec_memory_limit_bytes", "container_spec_memory_reservation_limit_bytes", "container_spec_memory_swap_limit_bytes",
        "container_start_time_seconds", "container_threads", "container_threads_max", "container_ulimits_soft",
    ];

    /// <summary>cgroup v1 of late counts I/O only of devices that some cgroup throttles.</summary>
    private static readonly string[] ByDevice =
    [
        "container_blkio_device_usage_total", "container_fs_reads_bytes_total", "container_fs_reads_total", "container_fs_writes_bytes_total",
        "container_fs_writes_total",
    ];

    [Fact]
    public async Task EverySeriesHasADescriptorWithItsLabelsAndEveryDescriptorASeries()
    {
        await RunLimitedAsync();
        var descriptors = (await Runtime.ListMetricDescriptorsAsync(new ListMetricDescriptorsRequest())).Descriptors;
        Assert.Equal(descriptors.Count, descriptors.Select(d => d.Name).Distinct().Count());
        Assert.Empty(Expected.Except(descriptors.Select(d => d.Name)));
        Assert.All(descriptors, d => Assert.True(d.Help.Length > 0 && d.LabelKeys.Distinct().Count() == d.LabelKeys.Count, $"{d}"));
        var byName = descriptors.ToDictionary(d => d.Name);
        var metrics = await MetricsAsync();
        var present = metrics.Select(m => m.Name).Distinct().ToList();
        Assert.Empty(present.Except(byName.Keys));
        Assert.Empty(byName.Keys.Except(present).Except(Cgroups.IsUnified ? [] : ByDevice));
        Assert.All(metrics, m => Assert.Equal(byName[m.Name].LabelKeys.Count, m.LabelValues.Count));
        Assert.All(metrics, m => Assert.True(m.Timestamp > 0 && m.Value is not null, $"{m}"));
        static bool Counts(string name) => name.EndsWith("_total", StringComparison.Ordinal) && name != "container_fs_inodes_total"
            || name.EndsWith("failcnt", StringComparison.Ordinal);
        Assert.All(metrics, m => Assert.Equal(Counts(m.Name), m.MetricType == MetricType.Counter));
    }

    [Fact]
    public async Task NoTwoSeriesAreAlike()
    {
        foreach (var pod in new[] { await RunPodAsync(), await RunPodAsync() })
        {
            pod.Config.Metadata.Name = "same";
            await pod.RunAsync("sleep 1000");
            await pod.RunAsync("sleep 1000");
        }

        var metrics = await MetricsAsync();
        Assert.Equal(metrics.Count, metrics.Select(m => (m.Name, string.Join('\0', m.LabelValues))).Distinct().Count());
    }

    [Fact]
    public async Task TheFiguresAreTheContainers()
    {
        var container = await RunLimitedAsync();
        await container.ExecAsync("dd if=/dev/zero of=/dev/shm/filled bs=1M count=16 2>/dev/null");
        var found = await ContainerAsync(container);
        Assert.Equal(64UL << 20, Value(found, "container_spec_memory_limit_bytes"));
        Assert.Equal((20_000UL, 100_000UL, 512UL),
            (Value(found, "container_spec_cpu_quota"), Value(found, "container_spec_cpu_period"), Value(found, "container_spec_cpu_shares")));
        Assert.InRange(Value(found, "container_memory_working_set_bytes"), 16UL << 20, 32UL << 20);
        Assert.InRange(Value(found, "container_memory_max_usage_bytes"), Value(found, "container_memory_usage_bytes"), 64UL << 20);
        Assert.InRange((double)Value(found, "container_start_time_seconds"), DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 300, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        Assert.Equal(1UL, Value(found, "container_processes"));
        Assert.InRange(Value(found, "container_file_descriptors"), 3UL, 20UL);
        Assert.True(Value(found, "container_ulimits_soft") > 0);
        var labels = found.Metrics[0].LabelValues;
        Assert.Equal(
            [container.Config.Metadata.Name, container.Cgroup, container.Config.Image.Image, container.Id, "tests", container.Pod.Config.Metadata.Name], labels);
        await Eventually.Value(
            async () => Value(await ContainerAsync(container), "container_cpu_cfs_throttled_periods_total"), v => v > 0, "the quota throttles");
    }

    [Fact]
    public async Task AnOomKillIsCounted()
    {
        var container = await RunAsync("while :; do (exec tail /dev/zero); sleep 1; done", c => c.Linux.Resources = new LinuxContainerResources
        {
            MemoryLimitInBytes = 24 << 20,
            MemorySwapLimitInBytes = 24 << 20,
        });
        await Eventually.Value(async () => Value(await ContainerAsync(container), "container_oom_events_total"), v => v > 0, "OOM kills are counted");
    }

    [Fact]
    public async Task ThePodHasItsNetworkAndAStreamHasAll()
    {
        var container = await RunLimitedAsync();
        var pods = (await Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).PodMetrics;
        var received = pods.Single(p => p.PodSandboxId == container.Pod.Id).Metrics.Single(m => m.Name == "container_network_receive_bytes_total");
        Assert.Equal(["POD", "tests", container.Pod.Config.Metadata.Name, "eth0"], new[] { 0, 4, 5, 6 }.Select(i => received.LabelValues[i]));
        using var call = Runtime.StreamPodSandboxMetrics(new StreamPodSandboxMetricsRequest());
        var streamed = new List<PodSandboxMetrics>();
        while (await call.ResponseStream.MoveNext(CancellationToken.None)) streamed.AddRange(call.ResponseStream.Current.PodSandboxMetrics);
        Assert.Equal(pods.Select(p => p.PodSandboxId).Order(), streamed.Select(p => p.PodSandboxId).Order());
    }

    private static ulong Value(ContainerMetrics metrics, string name) => metrics.Metrics.First(m => m.Name == name).Value.Value;

    private Task<Container> RunLimitedAsync() => RunAsync("while :; do :; done", c => c.Linux.Resources = new LinuxContainerResources
    {
        CpuPeriod = 100_000,
        CpuQuota = 20_000,
        CpuShares = 512,
        MemoryLimitInBytes = 64 << 20,
        MemorySwapLimitInBytes = 64 << 20,
    });

    private async Task<List<Metric>> MetricsAsync()
    {
        var pods = (await Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).PodMetrics;
        return [.. pods.SelectMany(p => p.Metrics.Concat(p.ContainerMetrics.SelectMany(c => c.Metrics)))];
    }

    private async Task<ContainerMetrics> ContainerAsync(Container container) =>
        (await Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).PodMetrics
            .SelectMany(p => p.ContainerMetrics).Single(c => c.ContainerId == container.Id);
}
