using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// Where a pod's init, a container and its generations live below a pod cgroup. Whether the pod's is a slice of systemd's tells how they
/// are named: a cgroup keeps its name when the daemon's driver changes. Agents read the id from the last segment.
/// <code>
///   cgroupfs  /kubepods/pod1             / &lt;id&gt;                       / g1-&lt;id&gt;
///   systemd   …/kubepods-pod1.slice      / kubepods-pod1-&lt;id&gt;.slice   / shimruntime-g1-&lt;id&gt;.scope
/// </code>
/// </summary>
internal static class CgroupNames
{
    private const string ScopePrefix = "shimruntime";
    private const string ScopeSuffix = ".scope";

    /// <summary>The pod init's, named by the sandbox's id.</summary>
    public static string PodInit(string podCgroup, string sandboxId) =>
        SliceName.IsSlice(podCgroup) ? $"{podCgroup}/{ScopePrefix}-{sandboxId}{ScopeSuffix}" : Below(podCgroup, sandboxId);

    public static string Container(string podCgroup, string containerId) => SliceName.IsSlice(podCgroup)
        ? $"{podCgroup}/{SliceName.UnitOf(podCgroup)[..^SliceName.Suffix.Length]}-{containerId}{SliceName.Suffix}"
        : Below(podCgroup, containerId);

    public static string Leaf(string containerCgroup, uint generation, string containerId) => SliceName.IsSlice(containerCgroup)
        ? $"{containerCgroup}/{ScopePrefix}-g{generation}-{containerId}{ScopeSuffix}"
        : $"{containerCgroup}/g{generation}-{containerId}";

    /// <summary>linux.cgroupsPath of config.json: a path, or "slice:prefix:name" for <c>runc --systemd-cgroup</c>.</summary>
    public static string OciPath(string leafCgroup)
    {
        if (!IsScope(leafCgroup)) return leafCgroup;
        var stem = SliceName.UnitOf(leafCgroup)[..^ScopeSuffix.Length];
        var dash = stem.LastIndexOf('-');
        return $"{SliceName.UnitOf(CgroupPath.Parent(leafCgroup))}:{stem[..dash]}:{stem[(dash + 1)..]}";
    }

    /// <summary>The leaf that <see cref="OciPath"/> was made of; null when it is nothing of that kind.</summary>
    public static string? FromOciPath(string cgroupsPath)
    {
        if (cgroupsPath.StartsWith('/')) return cgroupsPath;
        return cgroupsPath.Split(':') is [var slice, var prefix, var name] && SliceName.TryExpand(slice) is { } parent
            ? $"{parent}/{prefix}-{name}{ScopeSuffix}"
            : null;
    }

    /// <summary>True: runc has to ask systemd for it.</summary>
    public static bool IsScope(string cgroup) => cgroup.EndsWith(ScopeSuffix, StringComparison.Ordinal);

    private static string Below(string parent, string name) => $"{parent.TrimEnd('/')}/{name}";
}
