using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Stats;

/// <summary>Reads a cgroup's counters from the kernel, v1 or v2; no shim is asked. Paths are our own records', checked when they were made.</summary>
internal sealed class CgroupReader
{
    /// <summary>memory.stat of a kernel with every option has some 3 KiB.</summary>
    private const int StatBytes = 8192;
    private const ulong NanosPerMicrosecond = 1000;
    private const string SystemPressure = "/proc/pressure/cpu";

    // v1 says "no limit" as the largest page-aligned signed number; the page size varies.
    private const ulong V1NoLimit = 0x7fff_ffff_ffff_0000;
    private readonly bool _isV2;

    public CgroupReader(CgroupHierarchy hierarchy)
    {
        _isV2 = hierarchy.IsV2;
        Cpu = MountOf(hierarchy, "cpu");
        CpuAccounting = MountOf(hierarchy, "cpuacct");
        Memory = MountOf(hierarchy, "memory");
        Pids = MountOf(hierarchy, "pids");
        Io = MountOf(hierarchy, "blkio");
        HugePages = MountOf(hierarchy, "hugetlb");
        Unified = hierarchy.Mounts.FirstOrDefault(m => m.IsV2)?.MountPoint;
        HasPressure = Unified is not null && File.Exists(SystemPressure) && PseudoFile.Read(SystemPressure, stackalloc byte[256]).Length > 0;
    }

    /// <summary>Mount points, on v2 all the same; null where v1 has no such hierarchy.</summary>
    public string? Cpu { get; }

    public string? CpuAccounting { get; }

    public string? Memory { get; }

    public string? Pids { get; }

    public string? Io { get; }

    public string? HugePages { get; }

    /// <summary>The v2 mount, a hybrid machine's too: it has no controllers there, but pressure is measured by it all the same.</summary>
    public string? Unified { get; }

    /// <summary>The hierarchy that is asked who is in a cgroup.</summary>
    public string? Processes => Pids ?? CpuAccounting;

    public bool IsV2 => _isV2;

    /// <summary>Pressure is compiled in and not off: then every cgroup of v2 below the root has it, on a hybrid machine too.</summary>
    public bool HasPressure { get; }

    /// <summary>Null when there is no such cgroup.</summary>
    public CgroupSample? Read(string cgroup) => _isV2 ? ReadUnified(new CgroupDirectory(Unified, cgroup)) : ReadPerController(cgroup);

    /// <summary>CPU time used so far, in nanoseconds; null when there is no such cgroup.</summary>
    public ulong? ReadCpu(string cgroup) => _isV2
        ? new CgroupDirectory(Unified, cgroup).Key("cpu.stat"u8, "usage_usec"u8) * NanosPerMicrosecond
        : new CgroupDirectory(CpuAccounting, cgroup).Number("cpuacct.usage"u8);

    private static CgroupSample? ReadUnified(CgroupDirectory directory)
    {
        if (directory.Key("cpu.stat"u8, "usage_usec"u8) is not { } microseconds) return null;
        Span<byte> buffer = stackalloc byte[StatBytes];
        return new CgroupSample
        {
            AtNanos = UnixTime.NowNanos(),
            CpuNanos = microseconds * NanosPerMicrosecond,
            MemoryBytes = directory.Number("memory.current"u8) ?? 0,
            Memory = MemoryStat.ParseUnified(directory.Read("memory.stat"u8, buffer)),
            MemoryLimitBytes = directory.Limit("memory.max"u8),
            SwapBytes = directory.Number("memory.swap.current"u8),
            SwapLimitBytes = directory.Limit("memory.swap.max"u8),
            CpuPressure = directory.Pressure("cpu.pressure"u8),
            MemoryPressure = directory.Pressure("memory.pressure"u8),
            IoPressure = directory.Pressure("io.pressure"u8),
        };
    }

    private CgroupSample? ReadPerController(string cgroup)
    {
        if (new CgroupDirectory(CpuAccounting, cgroup).Number("cpuacct.usage"u8) is not { } nanos) return null;
        var memory = new CgroupDirectory(Memory, cgroup);
        var unified = new CgroupDirectory(Unified, cgroup);
        Span<byte> buffer = stackalloc byte[StatBytes];
        var limit = memory.Limit("memory.limit_in_bytes"u8, V1NoLimit);
        var both = limit is null ? null : memory.Limit("memory.memsw.limit_in_bytes"u8, V1NoLimit); // never below the other
        var stat = MemoryStat.ParseV1(memory.Read("memory.stat"u8, buffer));
        return new CgroupSample
        {
            AtNanos = UnixTime.NowNanos(),
            CpuNanos = nanos,
            MemoryBytes = memory.Number("memory.usage_in_bytes"u8) ?? 0,
            Memory = stat,
            MemoryLimitBytes = limit,
            SwapBytes = stat.SwapBytes,
            SwapLimitBytes = both >= limit ? both - limit : null,
            CpuPressure = unified.Pressure("cpu.pressure"u8),
            MemoryPressure = unified.Pressure("memory.pressure"u8),
            IoPressure = unified.Pressure("io.pressure"u8),
        };
    }

    private static string? MountOf(CgroupHierarchy hierarchy, string controller) => hierarchy.PathOf(controller, "/");
}
