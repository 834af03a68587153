using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// Stats from cgroups, pinned network namespaces and the snapshots' cache. A container that does not run has its attributes and its
/// writable layer only, as containerd has it.
/// </summary>
internal sealed class StatsService : IStatsService
{
    private readonly ContainerStore _containers;
    private readonly ISandboxStore _sandboxes;
    private readonly ContainerStatsReader _reader;
    private readonly PodStatsReader _pods;
    private readonly CpuRates _rates = new();

    public StatsService(ContainerStore containers, ISandboxStore sandboxes, ISnapshotStore snapshots, StatsPlaces places)
    {
        _containers = containers;
        _sandboxes = sandboxes;
        var cgroups = new CgroupReader(places.Hierarchy);
        _reader = new ContainerStatsReader(cgroups, snapshots, _rates, places.Mountpoint);
        _pods = new PodStatsReader(cgroups, _rates, _reader);
    }

    public ContainerStats Container(string containerId) => _reader.Read(_containers.Get(containerId, "get the stats of"));

    public IReadOnlyList<ContainerStats> Containers(ContainerStatsFilter? filter)
    {
        ForgetTheGone();
        return [.. _containers.All().Where(e => ContainerFilters.Matches(e, filter)).Select(_reader.Read)];
    }

    public PodSandboxStats Sandbox(string sandboxId)
    {
        var sandbox = _sandboxes.Find(sandboxId)
            ?? throw RuntimeFault.NotFound($"failed to get the stats of pod sandbox '{sandboxId}': there is no such pod sandbox");
        return _pods.Read([sandbox], _containers.OfSandbox)[0];
    }

    public IReadOnlyList<PodSandboxStats> Sandboxes(PodSandboxStatsFilter? filter)
    {
        ForgetTheGone();
        var chosen = _sandboxes.List()
            .Where(s => s.Phase is not (SandboxPhase.Creating or SandboxPhase.Removing) && Matches(s, filter))
            .ToList();
        var byPod = _containers.All().ToLookup(e => e.Record.SandboxId);
        return _pods.Read(chosen, id => byPod[id]);
    }

    private static bool Matches(Sandbox sandbox, PodSandboxStatsFilter? filter) =>
        filter is null || (sandbox.Id.StartsWith(filter.Id, StringComparison.Ordinal)
            && ContainerFilters.HasLabels(sandbox.Config.Labels, filter.LabelSelector));

    private void ForgetTheGone() =>
        _rates.Keep(_containers.All().Select(e => e.Id).Concat(_sandboxes.List().Select(s => s.Id)).ToHashSet(StringComparer.Ordinal));
}

/// <summary>Where the numbers are.</summary>
/// <param name="Mountpoint">Of the file system of the writable layers, as ImageFsInfo's container_filesystems names it.</param>
internal sealed record StatsPlaces(CgroupHierarchy Hierarchy, string Mountpoint);
