using System.Globalization;
using Tmds.Linux;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Who we are and what the kernel lets us do (capabilities(7)).</summary>
internal static class PrivilegeChecks
{
    private const int CAP_NET_ADMIN = 12;
    private const int CAP_SYS_ADMIN = 21;
    private const int CAP_SYS_RESOURCE = 24;

    public static CheckResult Root() => (uint)LibC.geteuid() == 0
        ? CheckResult.Fine("user", "root")
        : CheckResult.Broken("user", $"uid {(uint)LibC.geteuid()}; run as root");

    public static CheckResult Administration()
    {
        var effective = Effective();
        var missing = new List<string>();
        if (!Has(effective, CAP_SYS_ADMIN)) missing.Add("CAP_SYS_ADMIN (mounts, namespaces)");
        if (!Has(effective, CAP_NET_ADMIN)) missing.Add("CAP_NET_ADMIN (pod networks)");
        return missing.Count == 0
            ? CheckResult.Fine("privileges", "CAP_SYS_ADMIN, CAP_NET_ADMIN")
            : CheckResult.Broken("privileges", $"missing {string.Join(" and ", missing)}; run without a capability bounding set");
    }

    public static CheckResult Resources() => Has(Effective(), CAP_SYS_RESOURCE)
        ? CheckResult.Fine("oom scores", "CAP_SYS_RESOURCE")
        : CheckResult.Limited("oom scores", "no CAP_SYS_RESOURCE: a container's oom_score_adj can't go below the daemon's own; "
            + "lower ones are raised to it");

    private static bool Has(ulong effective, int capability) => (effective >> capability & 1) != 0;

    /// <summary>CapEff of proc_pid_status(5), hexadecimal.</summary>
    private static ulong Effective()
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        return ulong.Parse(line.AsSpan(line.IndexOf(':') + 1).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
