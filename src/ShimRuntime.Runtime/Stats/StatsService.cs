using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// Stats from cgroups, pinned network namespaces and the snapshots' cache. A container that does not run has its attributes and its
/// writable layer only, as containerd has it.
/// </summary>
internal sealed class StatsService : IStatsService
{
    /// <summary>How many pods' namespaces are visited at once: a stream begins before all have been.</summary>
    private const int PodsAtOnce = 100;

    /// <summary>Of a few containers the files are read before other threads have woken up.</summary>
    private const int ContainersAtOnce = 100;
    private const int WorthThreads = 32;

    /// <summary>What reading costs is the kernel's; more threads would keep containers from their cores.</summary>
    private static readonly ParallelOptions Threads = new() { MaxDegreeOfParallelism = Math.Min(4, Environment.ProcessorCount) };
    private readonly ContainerStore _containers;
    private readonly ISandboxStore _sandboxes;
    private readonly ContainerStatsReader _reader;
    private readonly PodStatsReader _pods;

    public StatsService(ContainerStore containers, ISandboxStore sandboxes, ISnapshotStore snapshots, StatsSources sources)
    {
        _containers = containers;
        _sandboxes = sandboxes;
        _reader = new ContainerStatsReader(sources.Cgroups, snapshots, sources.Rates, sources.Mountpoint);
        _pods = new PodStatsReader(sources.Cgroups, sources.Rates, _reader);
    }

    public ContainerStats Container(string containerId) => _reader.Read(_containers.Get(containerId, "get the stats of"));

    public IEnumerable<ContainerStats> Containers(ContainerStatsFilter? filter) =>
        _containers.Snapshot().Where(e => ContainerFilters.Matches(e, filter)).Chunk(ContainersAtOnce).SelectMany(Read);

    public PodSandboxStats Sandbox(string sandboxId)
    {
        var sandbox = _sandboxes.Find(sandboxId)
            ?? throw RuntimeFault.NotFound($"failed to get the stats of pod sandbox '{sandboxId}': there is no such pod sandbox");
        return _pods.Read(sandbox, _containers.OfSandbox(sandbox.Id), new PodNetworks([sandbox]));
    }

    public IEnumerable<PodSandboxStats> Sandboxes(PodSandboxStatsFilter? filter)
    {
        var byPod = _containers.Snapshot().ToLookup(e => e.Record.SandboxId);
        var chosen = _sandboxes.List().Where(s => s.Phase is not (SandboxPhase.Creating or SandboxPhase.Removing) && Matches(s, filter));
        foreach (var some in chosen.Chunk(PodsAtOnce))
        {
            var networks = new PodNetworks(some);
            foreach (var sandbox in some) yield return _pods.Read(sandbox, byPod[sandbox.Id], networks);
        }
    }

    private ContainerStats[] Read(ContainerEntry[] some)
    {
        if (some.Length < WorthThreads) return Array.ConvertAll(some, _reader.Read);
        var stats = new ContainerStats[some.Length];
        Parallel.For(0, some.Length, Threads, i => stats[i] = _reader.Read(some[i]));
        return stats;
    }

    private static bool Matches(Sandbox sandbox, PodSandboxStatsFilter? filter) =>
        filter is null || (sandbox.Id.StartsWith(filter.Id, StringComparison.Ordinal)
            && ContainerFilters.HasLabels(sandbox.Config.Labels, filter.LabelSelector));
}

/// <summary>Where the numbers are.</summary>
/// <param name="Mountpoint">Of the file system of the writable layers, as ImageFsInfo's container_filesystems names it.</param>
internal sealed record StatsSources(CgroupReader Cgroups, CpuRates Rates, string Mountpoint, EndedLeaves Ended);
