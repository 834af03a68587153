using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Stats;

/// <summary>One container's stats.</summary>
internal sealed class ContainerStatsReader(CgroupReader cgroups, ISnapshotStore snapshots, CpuRates rates, string mountpoint)
{
    public ContainerStats Read(ContainerEntry entry)
    {
        var (record, config) = (entry.Record, entry.Config);
        var stats = new ContainerStats
        {
            Attributes = new ContainerAttributes
            {
                Id = record.Id,
                Metadata = config.Metadata,
                Labels = { config.Labels },
                Annotations = { config.Annotations },
            },
            WritableLayer = WritableLayer(record.SnapshotKey),
        };
        if (!ContainerLifecycle.IsRunning(record.Phase) || cgroups.Read(record.ContainerCgroup) is not { } sample) return stats;
        var rate = rates.Of(record.Id, CpuSampler.Now(), sample.CpuNanos, sample.AtNanos - record.CreatedAtNanos);
        stats.Cpu = UsageViews.Cpu(sample, rate);
        stats.Memory = UsageViews.Memory(sample);
        stats.Swap = UsageViews.Swap(sample);
        stats.Io = UsageViews.Io(sample);
        return stats;
    }

    /// <summary>Null when the layer is gone.</summary>
    private FilesystemUsage? WritableLayer(string key)
    {
        if (snapshots.Usage(key) is not { } usage) return null;
        return new FilesystemUsage
        {
            Timestamp = UnixTime.Nanos(usage.MeasuredAt),
            FsId = new FilesystemIdentifier { Mountpoint = mountpoint },
            UsedBytes = UsageViews.Value((ulong)usage.UsedBytes),
            InodesUsed = UsageViews.Value((ulong)usage.InodesUsed),
        };
    }
}
