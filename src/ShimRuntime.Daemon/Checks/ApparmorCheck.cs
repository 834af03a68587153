using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Node;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Whether RuntimeDefault will be what it should: the profile loaded, or ours loadable. A node without AppArmor lacks nothing.</summary>
internal static class ApparmorCheck
{
    private const string Subject = "apparmor";
    private const string SecurityFs = "/sys/kernel/security/apparmor";

    public static CheckResult Run(string profile, IHostView host)
    {
        if (!host.Facts.Apparmor) return CheckResult.Fine(Subject, "not in this kernel");
        if (profile.Length == 0) return CheckResult.Limited(Subject, "apparmor_profile is empty: RuntimeDefault is unconfined");
        if (host.ApparmorProfiles().Contains(profile)) return CheckResult.Fine(Subject, $"{profile} is loaded");
        if (profile != ApparmorProfile.Name)
            return CheckResult.Limited(Subject, $"{profile} is not loaded, so containers of RuntimeDefault are refused; load it with apparmor_parser");
        if (!Directory.Exists(SecurityFs))
            return CheckResult.Limited(Subject, $"{SecurityFs} is not there, so RuntimeDefault is unconfined; mount securityfs on /sys/kernel/security");
        return ApparmorNode.Parser is { } parser
            ? CheckResult.Fine(Subject, $"{profile} will be loaded by {parser}")
            : CheckResult.Limited(Subject, "apparmor_parser is not installed, so RuntimeDefault is unconfined; install it (Debian: apparmor)");
    }
}
