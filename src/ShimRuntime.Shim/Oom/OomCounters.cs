using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Oom;

/// <summary>
/// The kernel's counters of one generation's leaf and of every cgroup above it: how many of the leaf's processes the OOM killer took,
/// and how often each level's own limit was the one that could not be met.
/// </summary>
/// <param name="LeafKills">
/// v2: oom_kill of memory.events.local; v1: oom_kill of memory.oom_control. Both count by the victim's cgroup.
/// </param>
/// <param name="LimitHits">
/// By cgroup, leaf first, up to below the root. v2: oom of memory.events.local; v1: memory.failcnt and memory.memsw.failcnt.
/// </param>
internal sealed record OomCounters(ulong LeafKills, IReadOnlyList<(string Cgroup, ulong Hits)> LimitHits)
{
    public static OomCounters Read(CgroupHierarchy hierarchy, string leaf)
    {
        if (hierarchy.PathOf("memory", leaf) is not { } directory) return new OomCounters(0, []);
        var kills = CgroupFile.TryReadKey($"{directory}/{(hierarchy.IsV2 ? "memory.events.local" : "memory.oom_control")}", "oom_kill");
        List<(string, ulong)> hits = [];
        foreach (var cgroup in CgroupPath.SelfAndAncestors(leaf)) hits.Add((cgroup, HitsOf(hierarchy, cgroup)));
        return new OomCounters(kills ?? 0, hits);
    }

    private static ulong HitsOf(CgroupHierarchy hierarchy, string cgroup)
    {
        var directory = hierarchy.PathOf("memory", cgroup);
        if (hierarchy.IsV2) return CgroupFile.TryReadKey($"{directory}/memory.events.local", "oom") ?? 0;
        var memory = CgroupFile.TryReadNumber($"{directory}/memory.failcnt") ?? 0;
        return memory + (CgroupFile.TryReadNumber($"{directory}/memory.memsw.failcnt") ?? 0);
    }
}
