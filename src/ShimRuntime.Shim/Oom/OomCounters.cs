using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Oom;

/// <summary>
/// The kernel's counters of one generation's leaf and of every cgroup above it: how many of the leaf's processes the OOM killer took,
/// and how often each level's own limit was the one that could not be met.
/// </summary>
/// <param name="LeafKills">
/// v2: oom_kill of memory.events.local; v1: oom_kill of memory.oom_control. Both count by the victim's cgroup. Null: there is no leaf,
/// before the start, and after the end of a scope, which systemd removes as soon as it is empty.
/// </param>
/// <param name="TreeKills">v2: oom_kill of the container cgroup's memory.events, which its leaves count into and leave behind.</param>
/// <param name="LimitHits">
/// By cgroup, leaf first, up to below the root. v2: oom of memory.events.local, of the container cgroup with what is below it; v1:
/// memory.failcnt and memory.memsw.failcnt.
/// </param>
internal sealed record OomCounters(ulong? LeafKills, ulong TreeKills, IReadOnlyList<(string Cgroup, ulong Hits)> LimitHits)
{
    public static OomCounters Read(CgroupHierarchy hierarchy, string leaf)
    {
        if (hierarchy.PathOf("memory", leaf) is not { } directory) return new OomCounters(null, 0, []);
        var kills = CgroupFile.TryReadKey($"{directory}/{(hierarchy.IsV2 ? "memory.events.local" : "memory.oom_control")}", "oom_kill");
        var container = CgroupPath.Parent(leaf);
        var tree = hierarchy.IsV2 ? CgroupFile.TryReadKey($"{hierarchy.PathOf("memory", container)}/memory.events", "oom_kill") : null;
        List<(string, ulong)> hits = [];
        foreach (var cgroup in CgroupPath.SelfAndAncestors(leaf)) hits.Add((cgroup, HitsOf(hierarchy, cgroup, cgroup == container)));
        return new OomCounters(kills, tree ?? 0, hits);
    }

    /// <summary>OOM kills of this generation since <paramref name="before"/>.</summary>
    public ulong KillsSince(OomCounters before)
    {
        var (then, now) = LeafKills is { } leaf ? (before.LeafKills ?? 0, leaf) : (before.TreeKills, TreeKills);
        return now - Math.Min(then, now);
    }

    private static ulong HitsOf(CgroupHierarchy hierarchy, string cgroup, bool withDescendants)
    {
        var directory = hierarchy.PathOf("memory", cgroup);
        if (hierarchy.IsV2) return CgroupFile.TryReadKey($"{directory}/memory.events{(withDescendants ? "" : ".local")}", "oom") ?? 0;
        var memory = CgroupFile.TryReadNumber($"{directory}/memory.failcnt") ?? 0;
        return memory + (CgroupFile.TryReadNumber($"{directory}/memory.memsw.failcnt") ?? 0);
    }
}
