namespace ShimRuntime.Linux;

/// <summary>
/// Where the machine's cgroup controllers are mounted: v1 (a mount per controller), v2 (one mount for all), or hybrid, where every
/// controller in use is on v1 and the v2 mount carries none: that counts as v1, as runc counts it. A cgroup is named by its absolute
/// path below every controller's mount, such as <c>/kubepods/pod1/0123…</c>. (cgroups(7), kernel's cgroup-v2.rst)
/// </summary>
public sealed class CgroupHierarchy
{
    private const string MountInfo = "/proc/self/mountinfo";

    /// <summary>Closed: the kernel adds none to v1 any more (Documentation/admin-guide/cgroup-v1).</summary>
    private static readonly string[] V1Controllers =
    [
        "blkio", "cpu", "cpuacct", "cpuset", "debug", "devices", "freezer", "hugetlb", "memory", "misc", "net_cls", "net_prio",
        "perf_event", "pids", "rdma",
    ];

    private readonly IReadOnlyList<CgroupMount> _mounts;

    private CgroupHierarchy(IReadOnlyList<CgroupMount> mounts, bool isV2)
    {
        IsV2 = isV2;
        _mounts = mounts;
    }

    /// <summary>True: the controllers are on the unified hierarchy.</summary>
    public bool IsV2 { get; }

    /// <summary>
    /// The mounts in use: on v2 the one; on v1 every v1 mount, each once, named ones (systemd) and a hybrid's v2 mount included.
    /// </summary>
    public IReadOnlyList<CgroupMount> Mounts => _mounts;

    /// <summary>
    /// Reads the mount table of this process: of every pod's mounts only a line at a time. A shim keeps the pages that it has touched, and a
    /// node's table in one piece would be seven kilobytes more in it for every pod that was there before.
    /// </summary>
    /// <exception cref="RuntimeFault">FailedPrecondition: no cgroup filesystem is mounted.</exception>
    public static CgroupHierarchy Detect() => Parse(PseudoFile.LinesWith(MountInfo, " - cgroup"u8));

    /// <summary>Reads text in the format of proc_pid_mountinfo(5).</summary>
    public static CgroupHierarchy Parse(string mountInfo)
    {
        List<CgroupMount> v1 = [], v2 = [];
        foreach (var line in mountInfo.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var separator = line.IndexOf(" - ", StringComparison.Ordinal);
            if (separator < 0) continue;
            var mount = line[..separator].Split(' ');
            var filesystem = line[(separator + 3)..].Split(' ');
            if (mount.Length < 5 || filesystem.Length < 3) continue;
            if (filesystem[0] == "cgroup2") Add(v2, new CgroupMount(MountTable.Unescape(mount[4]), true, []));
            if (filesystem[0] == "cgroup") Add(v1, new CgroupMount(MountTable.Unescape(mount[4]), false, ControllersIn(filesystem[2])));
        }

        // A v1 mount with real controllers decides. The v2 mount of a hybrid machine has none of them, but runc puts containers there too,
        // so it is made, filled and removed like a named hierarchy.
        if (v1.Exists(m => m.Controllers.Any(c => !c.StartsWith("name=", StringComparison.Ordinal))))
            return new CgroupHierarchy([.. v1, .. v2.Take(1)], false);
        return v2.Count > 0
            ? new CgroupHierarchy([v2[0]], true)
            : throw RuntimeFault.FailedPrecondition("failed to find the cgroup filesystem: none is mounted; mount one on /sys/fs/cgroup");
    }

    /// <summary>
    /// Directory of <paramref name="cgroup"/> where <paramref name="controller"/>'s files are; null when v1 has no such mount.
    /// </summary>
    public string? PathOf(string controller, string cgroup)
    {
        if (IsV2) return Join(_mounts[0], cgroup);
        foreach (var mount in _mounts)
        {
            if (mount.Controllers.Contains(controller)) return Join(mount, cgroup);
        }

        return null;
    }

    /// <summary>Every directory that makes up <paramref name="cgroup"/>: one on v2, one per mount on v1.</summary>
    public IReadOnlyList<string> PathsOf(string cgroup)
    {
        var paths = new string[_mounts.Count];
        for (var i = 0; i < paths.Length; i++) paths[i] = Join(_mounts[i], cgroup);
        return paths;
    }

    private static string Join(CgroupMount mount, string cgroup)
    {
        CgroupPath.Check(cgroup);
        return cgroup == "/" ? mount.MountPoint : mount.MountPoint + cgroup;
    }

    private static void Add(List<CgroupMount> mounts, CgroupMount mount)
    {
        // The same hierarchy may be mounted twice (a bind mount); the first is the machine's own.
        if (mount.IsV2 || !mounts.Exists(m => m.Controllers.SequenceEqual(mount.Controllers))) mounts.Add(mount);
    }

    /// <summary>
    /// By name, because other options stand beside them that differ by machine (seclabel, cpuset_v2_mode, favordynmods): taken for a
    /// controller, one of those would make a v2 machine with a systemd mount count as v1.
    /// </summary>
    private static string[] ControllersIn(string superOptions) =>
        [.. superOptions.Split(',').Where(o => V1Controllers.Contains(o) || o.StartsWith("name=", StringComparison.Ordinal))];
}
