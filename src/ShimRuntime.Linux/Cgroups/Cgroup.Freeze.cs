namespace ShimRuntime.Linux;

/// <content>The freezer: v2's cgroup.freeze, v1's freezer.state.</content>
public sealed partial class Cgroup
{
    /// <summary>True when every process in it and below stands still. SIGKILL ends a frozen process all the same (v1: once it is thawed).</summary>
    public bool IsFrozen => Hierarchy.IsV2
        ? CgroupFile.TryReadKey($"{DirectoryOf("")}/cgroup.events", "frozen") == 1
        : DirectoryOf("freezer") is { } freezer && CgroupFile.TryRead($"{freezer}/freezer.state") == "FROZEN";

    /// <summary>
    /// Asks for every process in it and below to stand still, or to go on; <see cref="IsFrozen"/> tells when all do. False: there is no
    /// freezer, or the cgroup is gone.
    /// </summary>
    public bool TryFreeze(bool frozen)
    {
        if (Hierarchy.IsV2) return CgroupFile.TryWrite($"{DirectoryOf("")}/cgroup.freeze", frozen ? "1" : "0");
        return DirectoryOf("freezer") is { } freezer && CgroupFile.TryWrite($"{freezer}/freezer.state", frozen ? "FROZEN" : "THAWED");
    }
}
