using ShimRuntime.Oci;
using ShimRuntime.Runtime.Cgroups;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// What runc has to be told to tell systemd about a scope, as annotations (runc's docs/systemd.md; crun reads them too). A swap limit of
/// none it writes to the file alone, and a daemon-reload would lift it. Without a word on tasks systemd sets DefaultTasksMax, 15 % of
/// what the machine can have, which nobody asked for. A scope that failed is to be forgotten.
/// </summary>
internal static class ScopeAnnotations
{
    private const string Prefix = "org.systemd.property.";
    private const string SwapMax = Prefix + "MemorySwapMax";
    private const string TasksMax = Prefix + "TasksMax";
    private const string CollectMode = Prefix + "CollectMode";

    /// <param name="leafCgroup">When it is no scope, nothing is added.</param>
    public static IReadOnlyDictionary<string, string> AddTo(
        IReadOnlyDictionary<string, string> annotations, string leafCgroup, LinuxResources? resources)
    {
        if (!CgroupNames.IsScope(leafCgroup)) return annotations;
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in annotations.Where(a => a.Key is not (SwapMax or TasksMax))) all[key] = value;
        all[CollectMode] = "'inactive-or-failed'";
        if (resources?.Memory is { Limit: > 0 and var limit, Swap: var both } && both == limit) all[SwapMax] = "uint64 0";
        if (resources?.Unified?.ContainsKey("pids.max") != true) all[TasksMax] = $"uint64 {ulong.MaxValue}";
        return all;
    }
}
