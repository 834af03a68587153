using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Stats;

/// <summary>Reads a cgroup's counters from the kernel, v1 or v2; no shim is asked.</summary>
internal sealed class CgroupReader(CgroupHierarchy hierarchy)
{
    private const int StatBytes = 8192;
    private const int PressureBytes = 256;
    private const ulong NanosPerMicrosecond = 1000;

    // v1 says "no limit" as the largest page-aligned signed number; the page size varies.
    private const ulong V1NoLimit = 0x7fff_ffff_ffff_0000;

    /// <summary>Null when there is no such cgroup.</summary>
    public CgroupSample? Read(string cgroup) => hierarchy.IsV2 ? ReadUnified(hierarchy.PathOf("", cgroup)!) : ReadPerController(cgroup);

    private static CgroupSample? ReadUnified(string directory)
    {
        Span<byte> buffer = stackalloc byte[StatBytes];
        var cpu = PseudoFile.Read($"{directory}/cpu.stat", buffer);
        if (cpu.IsEmpty) return null;
        ulong usage = 0;
        for (var keys = new FlatKeys(cpu); keys.Next();)
        {
            if (keys.Key.SequenceEqual("usage_usec"u8)) usage = keys.Value * NanosPerMicrosecond;
        }

        var sample = new CgroupSample
        {
            AtNanos = UnixTime.NowNanos(),
            CpuNanos = usage,
            MemoryBytes = PseudoFile.Number($"{directory}/memory.current") ?? 0,
            MemoryLimitBytes = Limit(PseudoFile.Number($"{directory}/memory.max"), ulong.MaxValue),
            SwapBytes = PseudoFile.Number($"{directory}/memory.swap.current"),
            SwapLimitBytes = Limit(PseudoFile.Number($"{directory}/memory.swap.max"), ulong.MaxValue),
            Processes = PseudoFile.Number($"{directory}/pids.current"),
            CpuPressure = Pressure.Parse(PseudoFile.Read($"{directory}/cpu.pressure", buffer[..PressureBytes])),
            MemoryPressure = Pressure.Parse(PseudoFile.Read($"{directory}/memory.pressure", buffer[..PressureBytes])),
            IoPressure = Pressure.Parse(PseudoFile.Read($"{directory}/io.pressure", buffer[..PressureBytes])),
        };
        return WithUnifiedStat(sample, PseudoFile.Read($"{directory}/memory.stat", buffer));
    }

    internal static CgroupSample WithUnifiedStat(CgroupSample sample, ReadOnlySpan<byte> stat)
    {
        for (var keys = new FlatKeys(stat); keys.Next();)
        {
            if (keys.Key.SequenceEqual("anon"u8)) sample = sample with { AnonymousBytes = keys.Value };
            else if (keys.Key.SequenceEqual("inactive_file"u8)) sample = sample with { InactiveFileBytes = keys.Value };
            else if (keys.Key.SequenceEqual("pgfault"u8)) sample = sample with { PageFaults = keys.Value };
            else if (keys.Key.SequenceEqual("pgmajfault"u8)) sample = sample with { MajorPageFaults = keys.Value };
        }

        return sample;
    }

    private CgroupSample? ReadPerController(string cgroup)
    {
        var memory = hierarchy.PathOf("memory", cgroup);
        if (hierarchy.PathOf("cpuacct", cgroup) is not { } cpu || PseudoFile.Number($"{cpu}/cpuacct.usage") is not { } usage) return null;
        Span<byte> buffer = stackalloc byte[StatBytes];
        var limit = Limit(PseudoFile.Number($"{memory}/memory.limit_in_bytes"), V1NoLimit);
        var both = Limit(PseudoFile.Number($"{memory}/memory.memsw.limit_in_bytes"), V1NoLimit);
        var sample = new CgroupSample
        {
            AtNanos = UnixTime.NowNanos(),
            CpuNanos = usage,
            MemoryBytes = PseudoFile.Number($"{memory}/memory.usage_in_bytes") ?? 0,
            MemoryLimitBytes = limit,
            SwapLimitBytes = both >= limit ? both - limit : null,
            Processes = hierarchy.PathOf("pids", cgroup) is { } pids ? PseudoFile.Number($"{pids}/pids.current") : null,
        };
        return WithV1Stat(sample, PseudoFile.Read($"{memory}/memory.stat", buffer));
    }

    /// <summary>The total_ keys: the leaf's pages count for the container.</summary>
    internal static CgroupSample WithV1Stat(CgroupSample sample, ReadOnlySpan<byte> stat)
    {
        for (var keys = new FlatKeys(stat); keys.Next();)
        {
            if (keys.Key.SequenceEqual("total_rss"u8)) sample = sample with { AnonymousBytes = keys.Value };
            else if (keys.Key.SequenceEqual("total_inactive_file"u8)) sample = sample with { InactiveFileBytes = keys.Value };
            else if (keys.Key.SequenceEqual("total_pgfault"u8)) sample = sample with { PageFaults = keys.Value };
            else if (keys.Key.SequenceEqual("total_pgmajfault"u8)) sample = sample with { MajorPageFaults = keys.Value };
            else if (keys.Key.SequenceEqual("total_swap"u8)) sample = sample with { SwapBytes = keys.Value };
        }

        return sample;
    }

    private static ulong? Limit(ulong? value, ulong none) => value is null || value >= none ? null : value;
}
