using ShimRuntime.Linux;
using ShimRuntime.Shim.Oom;

namespace ShimRuntime.Shim.Swaps;

/// <summary>
/// Two generations at once need memory for both, within the container's one limit: asked before anything is made, since the kernel's answer
/// would be to kill one of them. The new one is taken to need what the old one has; page cache can be given back and does not count.
/// </summary>
internal static class OverlapRoom
{
    /// <exception cref="RuntimeFault">FailedPrecondition, with the numbers.</exception>
    public static void Check(CgroupHierarchy hierarchy, string container, string leaf, string failure)
    {
        if (hierarchy.PathOf("memory", container) is not { } directory || LimitOf(hierarchy, directory) is not { } limit) return;
        var used = Kept(hierarchy, directory);
        var needed = hierarchy.PathOf("memory", leaf) is { } own ? Kept(hierarchy, own) : used;
        if (used + needed <= limit) return;
        throw RuntimeFault.FailedPrecondition($"{failure}: two generations at once do not fit: the memory limit is {limit} bytes, {used} are in use and "
            + $"{needed} more would be; raise the limit, or use level L1 or L0, where one ends before the other starts");
    }

    private static ulong Kept(CgroupHierarchy hierarchy, string directory)
    {
        var usage = CgroupFile.TryReadNumber($"{directory}/{(hierarchy.IsV2 ? "memory.current" : "memory.usage_in_bytes")}") ?? 0;
        var cache = CgroupFile.TryReadKey($"{directory}/memory.stat", hierarchy.IsV2 ? "file" : "total_cache") ?? 0;
        return usage - Math.Min(usage, cache);
    }

    private static ulong? LimitOf(CgroupHierarchy hierarchy, string directory) =>
        LeafMemory.Limit(CgroupFile.TryReadNumber($"{directory}/{(hierarchy.IsV2 ? "memory.max" : "memory.limit_in_bytes")}"));
}
