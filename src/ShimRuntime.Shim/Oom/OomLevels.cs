using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Shim.Oom;

/// <summary>Which level of the tree a cgroup is, seen from a generation's leaf.</summary>
/// <param name="Leaf">Such as /kubepods/pod1/&lt;id&gt;/g1-&lt;id&gt;.</param>
internal readonly record struct OomLevels(string Leaf)
{
    private string Container => CgroupPath.Parent(Leaf);

    /// <param name="cgroup">The leaf or an ancestor; the kernel's full path when we see only a part of the tree.</param>
    public OomLevel Of(string cgroup)
    {
        if (Is(cgroup, Leaf) || Is(cgroup, Container)) return OomLevel.Container;
        return Is(cgroup, CgroupPath.Parent(Container)) ? OomLevel.Pod : OomLevel.Ancestor;
    }

    // The container's path holds its 64 hex digits: a suffix is enough, for a mount that shows only a part of the tree.
    private static bool Is(string cgroup, string known) => cgroup.EndsWith(known, StringComparison.Ordinal);
}
