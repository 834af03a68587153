using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>The driver that the settings name, and what it holds.</summary>
internal sealed class CgroupDrivers : IDisposable
{
    private readonly SystemdBus? _systemd;
    private readonly Cgroup? _root;

    private CgroupDrivers(CgroupHierarchy hierarchy, SystemdBus systemd, string root)
    {
        _systemd = systemd;
        Driver = new SystemdDriver(hierarchy, systemd, root);
    }

    private CgroupDrivers(CgroupHierarchy hierarchy, string root)
    {
        _root = new Cgroup(hierarchy, root);
        Driver = new CgroupfsDriver(hierarchy, root);
    }

    public ICgroupDriver Driver { get; }

    /// <exception cref="RuntimeFault">FailedPrecondition: the systemd driver on cgroup v1, or without systemd.</exception>
    public static CgroupDrivers Open(RuntimeOptions options, CgroupHierarchy hierarchy)
    {
        if (options.CgroupDriver != "systemd") return new CgroupDrivers(hierarchy, options.CgroupRoot);
        if (!hierarchy.IsV2)
        {
            throw RuntimeFault.FailedPrecondition("failed to serve with cgroup_driver \"systemd\": this machine has cgroup v1, on which "
                + "systemd takes no part in most controllers; boot with systemd.unified_cgroup_hierarchy=1, or use \"cgroupfs\"");
        }

        // sd_booted(3).
        if (!Directory.Exists("/run/systemd/system"))
        {
            throw RuntimeFault.FailedPrecondition("failed to serve with cgroup_driver \"systemd\": systemd is not this machine's PID 1; "
                + "use \"cgroupfs\"");
        }

        return new CgroupDrivers(hierarchy, new SystemdBus(), options.CgroupRoot);
    }

    /// <summary>
    /// The parent of our own pods' cgroups goes with the last of them; while one is there, the kernel keeps it. A slice is systemd's, which
    /// would stop all that is in it.
    /// </summary>
    public void Dispose()
    {
        _root?.RemoveIfUnused();
        _systemd?.Dispose();
    }
}
