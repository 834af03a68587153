using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Stats;
using ShimRuntime.Runtime.Swap;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>Reads <see cref="CgroupDetail"/>, on v1 and on v2.</summary>
/// <param name="ended">As <see cref="EndedLeaves.Of"/>.</param>
internal sealed class CgroupDetailReader(
    CgroupReader cgroups, HugePageSizes pageSizes, Func<ContainerRecord, (LeafCounters Sum, bool HasCurrent)> ended)
{
    private const int StatBytes = 4096;
    private const ulong NanosPerMicrosecond = 1000;
    private const ulong NanosPerTick = 10_000_000; // USER_HZ is 100 on every architecture that .NET runs on

    /// <param name="sample">Of the same container, read just before.</param>
    public CgroupDetail Read(ContainerRecord record, CgroupSample sample)
    {
        var (sum, hasCurrent) = ended(record);
        // An ended leaf may be there a while longer: it is counted once.
        var leaf = hasCurrent ? "" : record.LeafCgroup;
        return cgroups.IsV2 ? ReadUnified(record.ContainerCgroup, leaf, sample, sum) : ReadV1(record.ContainerCgroup, leaf, sample, sum);
    }

    private CgroupDetail ReadUnified(string container, string leafCgroup, CgroupSample sample, LeafCounters ended)
    {
        var directory = new CgroupDirectory(cgroups.Unified, container);
        var leaf = Leaf(cgroups.Unified, leafCgroup);
        Span<byte> buffer = stackalloc byte[StatBytes];
        return new CgroupDetail
        {
            CpuUserNanos = (directory.Key("cpu.stat"u8, "user_usec"u8) ?? 0) * NanosPerMicrosecond,
            CpuSystemNanos = (directory.Key("cpu.stat"u8, "system_usec"u8) ?? 0) * NanosPerMicrosecond,
            Throttling = Throttling.Binding(
                Throttling.Parse(directory.Read("cpu.stat"u8, buffer)), Throttling.Parse(leaf.Read("cpu.stat"u8, buffer)).Plus(ended)),
            MemoryPeakBytes = directory.Number("memory.peak"u8),
            MemoryKernelBytes = sample.Memory.KernelBytes,
            MemoryLimitHits = directory.Key("memory.events"u8, "max"u8) ?? 0,
            MemoryHighHits = directory.Key("memory.events"u8, "high"u8) ?? 0,
            OomKills = directory.Key("memory.events"u8, "oom_kill"u8) ?? 0,
            Threads = directory.Number("pids.current"u8) ?? 0,
            ThreadsMax = directory.Limit("pids.max"u8) ?? 0,
            Io = DeviceIo.ParseUnified(directory.Read("io.stat"u8, buffer)),
            HugePages = pageSizes.Read(directory, true),
        };
    }

    private CgroupDetail ReadV1(string container, string leafCgroup, CgroupSample sample, LeafCounters ended)
    {
        var leaf = Leaf(cgroups.Memory, leafCgroup);
        var memory = new CgroupDirectory(cgroups.Memory, container);
        var pids = new CgroupDirectory(cgroups.Pids, container);
        var (user, system) = Split(sample.CpuNanos, CpuTimes(new CgroupDirectory(cgroups.CpuAccounting, container)));
        Span<byte> buffer = stackalloc byte[StatBytes];
        return new CgroupDetail
        {
            CpuUserNanos = user,
            CpuSystemNanos = system,
            Throttling = Throttling.Binding(
                Throttling.Parse(new CgroupDirectory(cgroups.Cpu, container).Read("cpu.stat"u8, buffer)),
                Throttling.Parse(Leaf(cgroups.Cpu, leafCgroup).Read("cpu.stat"u8, buffer)).Plus(ended)),
            MemoryPeakBytes = memory.Number("memory.max_usage_in_bytes"u8),
            MemoryKernelBytes = memory.Number("memory.kmem.usage_in_bytes"u8) ?? 0,
            // v1 counts where it happened, not on the way up, and apart for memory and for memory with swap.
            MemoryLimitHits = V1Hits(memory) + V1Hits(leaf) + ended.MemoryLimitHits,
            OomKills = (memory.Key("memory.oom_control"u8, "oom_kill"u8) ?? 0) + (leaf.Key("memory.oom_control"u8, "oom_kill"u8) ?? 0) + ended.OomKills,
            Threads = pids.Number("pids.current"u8) ?? 0,
            ThreadsMax = pids.Limit("pids.max"u8) ?? 0,
            Io = V1Io(container),
            HugePages = pageSizes.Read(new CgroupDirectory(cgroups.HugePages, container), false),
        };
    }

    private static ulong V1Hits(CgroupDirectory memory) =>
        (memory.Number("memory.failcnt"u8) ?? 0) + (memory.Number("memory.memsw.failcnt"u8) ?? 0);

    /// <param name="cgroup">Empty: none that counts.</param>
    private static CgroupDirectory Leaf(string? mount, string cgroup) => new(cgroup.Length == 0 ? null : mount, cgroup);

    private List<DeviceIo> V1Io(string container)
    {
        var directory = new CgroupDirectory(cgroups.Io, container);
        Span<byte> bytes = stackalloc byte[StatBytes];
        Span<byte> counts = stackalloc byte[StatBytes];
        return DeviceIo.ParseV1(
            directory.Read("blkio.throttle.io_service_bytes_recursive"u8, bytes), directory.Read("blkio.throttle.io_serviced_recursive"u8, counts));
    }

    /// <summary>
    /// v1 counts user and system by the clock tick that found it running, which is not the time used. So the exact time is divided as the ticks
    /// are, as the kernel itself does for v2.
    /// </summary>
    internal static (ulong User, ulong System) Split(ulong usedNanos, (ulong User, ulong System) ticked)
    {
        var sum = ticked.User + ticked.System;
        if (sum == 0) return (usedNanos, 0);
        var user = (ulong)((UInt128)usedNanos * ticked.User / sum);
        return (user, usedNanos - user);
    }

    private static (ulong User, ulong System) CpuTimes(CgroupDirectory directory)
    {
        if (directory.Number("cpuacct.usage_user"u8) is { } user && directory.Number("cpuacct.usage_sys"u8) is { } system) return (user, system);
        return ((directory.Key("cpuacct.stat"u8, "user"u8) ?? 0) * NanosPerTick, (directory.Key("cpuacct.stat"u8, "system"u8) ?? 0) * NanosPerTick);
    }
}
