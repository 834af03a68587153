using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Shim.Oom;

/// <summary>Reads a leaf's memory for the exit record; the container cgroup's, where systemd has removed the leaf with its last process.</summary>
internal static class LeafMemory
{
    public static MemorySnapshot Read(CgroupHierarchy hierarchy, string leaf)
    {
        var cgroup = new Cgroup(hierarchy, leaf).Exists ? leaf : CgroupPath.Parent(leaf);
        if (hierarchy.PathOf("memory", cgroup) is not { } directory) return default;
        if (hierarchy.IsV2) return new MemorySnapshot(Number("memory.current"), Number("memory.peak"), Limit(Number("memory.max")));
        return new MemorySnapshot(Number("memory.usage_in_bytes"), Number("memory.max_usage_in_bytes"),
            Limit(Number("memory.limit_in_bytes")));

        ulong? Number(string file) => CgroupFile.TryReadNumber($"{directory}/{file}");
    }

    /// <summary>v1 says "no limit" by the largest page-aligned number, v2 by "max".</summary>
    public static ulong? Limit(ulong? bytes) => bytes >= (ulong.MaxValue >> 1 & ~0xffffUL) ? null : bytes;
}
