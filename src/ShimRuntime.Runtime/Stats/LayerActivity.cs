using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// Whether a container can have written to its layer since it was last asked: only what uses CPU time writes. An exec's counts, too, for it is
/// in the container's cgroup.
/// </summary>
internal sealed class LayerActivity(ContainerStore containers, CgroupReader cgroups)
{
    /// <summary>A number that changes with every use; null: nobody knows, so it may have.</summary>
    public ulong? Of(string containerId)
    {
        if (!containers.TryGet(containerId, out var entry)) return null;
        var record = entry.Record;
        if (ContainerLifecycle.HasProcess(record.Phase)) return cgroups.ReadCpu(record.ContainerCgroup);
        return record.Exit is { } exit ? (ulong)exit.FinishedAtNanos : 0;
    }
}
