using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Which hierarchy there is, and whether every controller that limits a container is in it.</summary>
internal static class CgroupCheck
{
    private const string Subject = "cgroups";
    private static readonly string[] Needed = ["cpu", "memory", "pids"];
    private static readonly string[] NeededV1 = ["cpu", "cpuacct", "memory", "pids", "devices", "freezer"];
    private static readonly string[] Wished = ["cpuset", "hugetlb"];

    public static CheckResult Run(string driver)
    {
        try
        {
            var hierarchy = CgroupHierarchy.Detect();
            var present = Controllers(hierarchy);
            var version = hierarchy.IsV2 ? "v2" : "v1";
            var missing = (hierarchy.IsV2 ? Needed : NeededV1).Except(present).ToArray();
            if (missing.Length > 0) return CheckResult.Broken(Subject, $"{version} without {List(missing)}; enable them on the kernel's command line");
            if (driver == "systemd" && Problem(hierarchy) is { } problem) return CheckResult.Broken(Subject, problem);
            var wished = Wished.Except(present).ToArray();
            return wished.Length == 0
                ? CheckResult.Fine(Subject, $"{version}, driver {driver}")
                : CheckResult.Limited(Subject, $"{version} without {List(wished)}: limits of these kinds are refused");
        }
        catch (RuntimeFault e)
        {
            return CheckResult.Broken(Subject, e.Message);
        }
    }

    private static string? Problem(CgroupHierarchy hierarchy)
    {
        if (!hierarchy.IsV2) return "v1, and cgroup_driver \"systemd\" needs v2; use \"cgroupfs\"";
        return Directory.Exists("/run/systemd/system")
            ? null
            : "cgroup_driver is \"systemd\", and systemd does not run here; use \"cgroupfs\"";
    }

    private static string List(string[] names) => string.Join(", ", names);

    private static HashSet<string> Controllers(CgroupHierarchy hierarchy) => hierarchy.IsV2
        ? [.. File.ReadAllText(Path.Combine(hierarchy.PathOf("", "/")!, "cgroup.controllers")).Trim().Split(' ')]
        : [.. hierarchy.Mounts.SelectMany(m => m.Controllers)];
}
