using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Stats;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>ListMetricDescriptors and ListPodSandboxMetrics: what kubelet's /metrics/cadvisor serves where the runtime is none that cAdvisor knows.</summary>
internal sealed class MetricsService : IMetricsService
{
    /// <summary>How many pods' namespaces are visited at once: a stream begins before all have been.</summary>
    private const int PodsAtOnce = 100;
    private readonly ContainerStore _containers;
    private readonly ISandboxStore _sandboxes;
    private readonly StatsSources _sources;
    private readonly ContainerMetricsReader _container;
    private readonly PodMetricsReader _pod;
    private readonly DescriptorCounts _descriptors = new();

    public MetricsService(ContainerStore containers, ISandboxStore sandboxes, ISnapshotStore snapshots, StatsSources sources)
    {
        _containers = containers;
        _sandboxes = sandboxes;
        _sources = sources;
        var pageSizes = new HugePageSizes(HasHugePages(sources.Cgroups));
        var devices = new BlockDevices(sources.Mountpoint, MountTable.Read().Holding(sources.Mountpoint)?.Source);
        _container = new ContainerMetricsReader(
            sources.Cgroups, new CgroupDetailReader(sources.Cgroups, pageSizes, sources.Ended.Of), devices, _descriptors, snapshots);
        _pod = new PodMetricsReader(sources.Cgroups);
        Descriptors = [.. MetricCatalog.All.Where(d => Has(d.Needs, sources.Cgroups, pageSizes)).Select(d => d.ToDescriptor())];
    }

    public IReadOnlyList<MetricDescriptor> Descriptors { get; }

    public IEnumerable<PodSandboxMetrics> Pods()
    {
        _descriptors.Forget(_containers.Contains);
        var byPod = _containers.Snapshot().Where(e => ContainerLifecycle.IsRunning(e.Record.Phase)).ToLookup(e => e.Record.SandboxId);
        var space = FilesystemSpace.Of(_sources.Mountpoint);
        foreach (var some in _sandboxes.List().Where(s => s.Phase == SandboxPhase.Ready).Chunk(PodsAtOnce))
        {
            var networks = new PodNetworks(some);
            foreach (var sandbox in some) yield return Read(sandbox, byPod[sandbox.Id], networks, space);
        }
    }

    private PodSandboxMetrics Read(Sandbox sandbox, IEnumerable<ContainerEntry> members, PodNetworks networks, FilesystemSpace space)
    {
        var metrics = new PodSandboxMetrics { PodSandboxId = sandbox.Id };
        _pod.Add(metrics, sandbox, networks);
        foreach (var entry in members)
        {
            if (_container.Read(entry, sandbox.Config.Metadata, space) is { } container) metrics.ContainerMetrics.Add(container);
        }

        return metrics;
    }

    private static bool Has(KernelFeature feature, CgroupReader cgroups, HugePageSizes pageSizes) => feature switch
    {
        KernelFeature.Pressure => cgroups.HasPressure,
        KernelFeature.HugePages => pageSizes.Any,
        KernelFeature.HugePagesMaximum => pageSizes.Any && !cgroups.IsV2,
        KernelFeature.MemoryEvents => cgroups.IsV2,
        _ => true,
    };

    private static bool HasHugePages(CgroupReader cgroups) => cgroups.IsV2
        ? (CgroupFile.TryRead($"{cgroups.Unified}/cgroup.controllers") ?? "").Split(' ').Contains("hugetlb")
        : cgroups.HugePages is not null;
}
