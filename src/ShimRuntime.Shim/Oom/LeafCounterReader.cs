using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Shim.Oom;

/// <summary>Reads what would be lost with a leaf; zeroes where it is gone already, as a scope of systemd's is with its last process.</summary>
internal static class LeafCounterReader
{
    public static LeafCounters Read(CgroupHierarchy hierarchy, string leaf)
    {
        var (cpu, memory) = (hierarchy.PathOf("cpu", leaf), hierarchy.PathOf("memory", leaf));
        var stat = $"{cpu}/cpu.stat";
        var nanos = hierarchy.IsV2 ? (CgroupFile.TryReadKey(stat, "throttled_usec") ?? 0) * 1000 : CgroupFile.TryReadKey(stat, "throttled_time") ?? 0;
        var counters = new LeafCounters(CgroupFile.TryReadKey(stat, "nr_periods") ?? 0, CgroupFile.TryReadKey(stat, "nr_throttled") ?? 0, nanos, 0, 0);
        return hierarchy.IsV2 ? counters : counters with
        {
            MemoryLimitHits = (CgroupFile.TryReadNumber($"{memory}/memory.failcnt") ?? 0) + (CgroupFile.TryReadNumber($"{memory}/memory.memsw.failcnt") ?? 0),
            OomKills = CgroupFile.TryReadKey($"{memory}/memory.oom_control", "oom_kill") ?? 0,
        };
    }
}
