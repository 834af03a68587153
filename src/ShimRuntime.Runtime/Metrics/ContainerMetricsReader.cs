using System.Globalization;
using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Stats;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>The series of one running container.</summary>
internal sealed class ContainerMetricsReader(
    CgroupReader cgroups, CgroupDetailReader details, BlockDevices devices, DescriptorCounts descriptors, ISnapshotStore snapshots)
{
    private const ulong DefaultCpuPeriod = 100_000; // of the kernel
    private const ulong DefaultCpuShares = 1024;

    /// <summary>Null when its cgroup is gone.</summary>
    public ContainerMetrics? Read(ContainerEntry entry, PodSandboxMetadata pod, FilesystemSpace space)
    {
        var record = entry.Record;
        if (cgroups.Read(record.ContainerCgroup) is not { } sample) return null;
        var detail = details.Read(record, sample);
        var metrics = new ContainerMetrics { ContainerId = record.Id };
        var writer = new MetricWriter(metrics.Metrics,
            [entry.Config.Metadata.Name, record.ContainerCgroup, ImageName(entry.Config.Image), record.Id, pod.Namespace, pod.Name], sample.AtNanos);
        AddLife(writer, record, sample);
        CgroupSeries.Add(writer, sample);
        AddCpu(writer, detail);
        AddMemory(writer, sample, detail);
        AddDisk(writer, record, space);
        AddIo(writer, detail.Io);
        AddProcesses(writer, record, detail);
        return metrics;
    }

    /// <summary>The name that the pod's author wrote; kubelet asks for containers by image id.</summary>
    private static string ImageName(ImageSpec image) => image.UserSpecifiedImage.Length > 0 ? image.UserSpecifiedImage : image.Image;

    private static void AddLife(MetricWriter writer, ContainerRecord record, CgroupSample sample)
    {
        var resources = record.Resources;
        writer.AddTime(MetricCatalog.LastSeen, sample.AtNanos);
        writer.AddTime(MetricCatalog.StartTime, record.StartedAtNanos);
        writer.AddTime(MetricCatalog.CreationTime, record.CreatedAtNanos);
        writer.Add(MetricCatalog.SpecCpuPeriod, resources.CpuPeriodMicroseconds > 0 ? (ulong)resources.CpuPeriodMicroseconds : DefaultCpuPeriod);
        if (resources.CpuQuotaMicroseconds > 0) writer.Add(MetricCatalog.SpecCpuQuota, (ulong)resources.CpuQuotaMicroseconds);
        writer.Add(MetricCatalog.SpecCpuShares, resources.CpuShares > 0 ? (ulong)resources.CpuShares : DefaultCpuShares);
        writer.Add(MetricCatalog.SpecMemoryLimit, sample.MemoryLimitBytes ?? 0);
        writer.Add(MetricCatalog.SpecMemorySwapLimit, (ulong)Math.Max(resources.MemorySwapLimitBytes, 0));
        writer.Add(MetricCatalog.SpecMemoryReservation, Reservation(resources));
    }

    private static ulong Reservation(ResourcesRecord resources)
    {
        var text = resources.Unified.GetValueOrDefault("memory.low") ?? resources.Unified.GetValueOrDefault("memory.min");
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : 0;
    }

    private static void AddCpu(MetricWriter writer, CgroupDetail detail)
    {
        writer.AddSeconds(MetricCatalog.CpuUser, detail.CpuUserNanos);
        writer.AddSeconds(MetricCatalog.CpuSystem, detail.CpuSystemNanos);
        writer.Add(MetricCatalog.CfsPeriods, detail.Throttling.Periods);
        writer.Add(MetricCatalog.CfsThrottledPeriods, detail.Throttling.Throttled);
        writer.AddSeconds(MetricCatalog.CfsThrottledTime, detail.Throttling.Nanos);
    }

    private void AddMemory(MetricWriter writer, CgroupSample sample, CgroupDetail detail)
    {
        writer.Add(MetricCatalog.MemoryKernel, detail.MemoryKernelBytes);
        writer.Add(MetricCatalog.MemoryMaxUsage, Math.Max(detail.MemoryPeakBytes ?? 0, sample.MemoryBytes));
        writer.Add(MetricCatalog.MemoryFailCount, detail.MemoryLimitHits);
        writer.Add(MetricCatalog.OomEvents, detail.OomKills);
        if (cgroups.IsV2)
        {
            writer.Add(MetricCatalog.MemoryEventsHigh, detail.MemoryHighHits);
            writer.Add(MetricCatalog.MemoryEventsMax, detail.MemoryLimitHits);
        }

        foreach (var pages in detail.HugePages)
        {
            writer.Add(MetricCatalog.HugePages, pages.Bytes, pages.PageSize);
            if (!cgroups.IsV2) writer.Add(MetricCatalog.HugePagesMaximum, pages.PeakBytes, pages.PageSize);
        }
    }

    private void AddDisk(MetricWriter writer, ContainerRecord record, FilesystemSpace space)
    {
        var device = devices.MainName;
        writer.Add(MetricCatalog.FsUsage, (ulong)(snapshots.Usage(record.SnapshotKey)?.UsedBytes ?? 0), device);
        writer.Add(MetricCatalog.FsLimit, space.TotalBytes, device);
        writer.Add(MetricCatalog.FsInodesFree, space.FreeInodes, device);
        writer.Add(MetricCatalog.FsInodesTotal, space.TotalInodes, device);
    }

    /// <summary>
    /// On v2 the device of the writable layers is always named: that nothing was read from it is a fact, too. v1 lists what it counts, and of late
    /// it counts only devices that some cgroup throttles: nothing is said of the others.
    /// </summary>
    private void AddIo(MetricWriter writer, IReadOnlyList<DeviceIo> io)
    {
        foreach (var device in io) Add(writer, device);
        var (major, minor) = devices.Main;
        if (cgroups.IsV2 && devices.HasBlockDevice && !io.Any(d => d.Major == major && d.Minor == minor)) Add(writer, new DeviceIo(major, minor));
    }

    private void Add(MetricWriter writer, DeviceIo io)
    {
        var name = devices.NameOf(io.Major, io.Minor);
        writer.Add(MetricCatalog.FsReads, io.Reads, name);
        writer.Add(MetricCatalog.FsReadsBytes, io.ReadBytes, name);
        writer.Add(MetricCatalog.FsWrites, io.Writes, name);
        writer.Add(MetricCatalog.FsWritesBytes, io.WriteBytes, name);
        var (major, minor) = (io.Major.ToString(CultureInfo.InvariantCulture), io.Minor.ToString(CultureInfo.InvariantCulture));
        writer.Add(MetricCatalog.BlkioUsage, io.ReadBytes, name, major, minor, "Read");
        writer.Add(MetricCatalog.BlkioUsage, io.WriteBytes, name, major, minor, "Write");
    }

    private void AddProcesses(MetricWriter writer, ContainerRecord record, CgroupDetail detail)
    {
        List<int> pids = [];
        CgroupProcesses.List(new CgroupDirectory(cgroups.Processes, record.ContainerCgroup), pids);
        var open = descriptors.Of(record.Id, pids);
        writer.Add(MetricCatalog.Processes, (ulong)pids.Count);
        writer.Add(MetricCatalog.Threads, Math.Max(detail.Threads, (ulong)pids.Count));
        writer.Add(MetricCatalog.ThreadsMax, detail.ThreadsMax);
        writer.Add(MetricCatalog.FileDescriptors, (ulong)open.All);
        writer.Add(MetricCatalog.Sockets, (ulong)open.Sockets);
        if (ResourceLimit.OpenFilesOf(record.Pid) is { } files) writer.Add(MetricCatalog.UlimitsSoft, files, "max_open_files");
    }
}
