using System.Globalization;
using System.Runtime.InteropServices;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>What this node can do, read once at start-up. A test gives its own.</summary>
public sealed record HostFacts
{
    private const string ApparmorSwitch = "/sys/module/apparmor/parameters/enabled";

    /// <summary>1 also for hybrid.</summary>
    public required int CgroupVersion { get; init; }

    /// <summary>As images name it: amd64, arm64.</summary>
    public required string Architecture { get; init; }

    /// <summary>CAP_* that the daemon may hand on: permitted and in the bounding set.</summary>
    public required IReadOnlySet<string> Capabilities { get; init; }

    /// <summary>The lowest oom_score_adj that a child may have; −1000 with CAP_SYS_RESOURCE, else the daemon's own.</summary>
    public int OomScoreAdjFloor { get; init; } = -1000;

    public bool Seccomp { get; init; } = true;

    public bool Apparmor { get; init; }

    public bool Selinux { get; init; }

    /// <summary>The kernel counts swap per cgroup.</summary>
    public bool SwapLimits { get; init; } = true;

    /// <summary>The highest CPU that can ever be online here; a cpuset that names a higher one fails in the kernel with ERANGE.</summary>
    public int HighestCpu { get; init; } = int.MaxValue;

    /// <summary>The same for memory nodes.</summary>
    public int HighestMemoryNode { get; init; } = int.MaxValue;

    /// <summary>cgroup v2 controllers, such as memory; empty on v1.</summary>
    public IReadOnlySet<string> Controllers { get; init; } = new HashSet<string>();

    /// <summary>Page sizes that can be limited, as 2MB and 1GB; empty without the hugetlb controller.</summary>
    public IReadOnlySet<string> HugepageSizes { get; init; } = new HashSet<string>();

    /// <summary>Reads this machine.</summary>
    public static HostFacts Read()
    {
        var status = ProcStatus.Read();
        var cgroup2 = File.Exists("/sys/fs/cgroup/cgroup.controllers");
        var capabilities = CapabilityNames.FromMask(status.Mask("CapBnd") & status.Mask("CapPrm")).ToHashSet();
        return new HostFacts
        {
            CgroupVersion = cgroup2 ? 2 : 1,
            Architecture = RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64",
            Capabilities = capabilities,
            OomScoreAdjFloor = capabilities.Contains("CAP_SYS_RESOURCE") ? -1000 : OwnOomScoreAdj(),
            Seccomp = status.Has("Seccomp"),
            Apparmor = File.Exists(ApparmorSwitch) && File.ReadAllText(ApparmorSwitch).StartsWith('Y'),
            Selinux = File.Exists("/sys/fs/selinux/enforce"),
            SwapLimits = HostCgroups.HasSwapLimits(cgroup2),
            HighestCpu = Highest("/sys/devices/system/cpu/possible"),
            HighestMemoryNode = Highest("/sys/devices/system/node/possible"),
            Controllers = HostCgroups.Controllers(cgroup2),
            HugepageSizes = HostCgroups.HugepageSizes(cgroup2),
        };
    }

    private static int OwnOomScoreAdj() =>
        int.Parse(File.ReadAllText("/proc/self/oom_score_adj").Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    /// <summary>The last number of a list such as 0-3,8: lists of the kernel are sorted.</summary>
    private static int Highest(string path) =>
        File.Exists(path)
            ? int.Parse(File.ReadAllText(path).Trim().Split('-', ',')[^1], NumberStyles.None, CultureInfo.InvariantCulture)
            : int.MaxValue;
}
