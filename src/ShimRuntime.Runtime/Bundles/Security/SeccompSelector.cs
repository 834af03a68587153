using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Which system call filter the container gets: RuntimeDefault is ours, Localhost is a file of the node, Unconfined and privileged none.
/// A request that says nothing means unconfined, as CRI's validation suite demands; kubelet always says something.
/// </summary>
internal static class SeccompSelector
{
    private const string Field = "linux.security_context.seccomp";
    private const string Ref = $"{Field}.localhost_ref";
    private const string LocalhostPrefix = "localhost/"; // of the older field, which some clients put into the newer one

    public static SeccompProfile? Select(LinuxContainerSecurityContext context, IReadOnlyCollection<string> capabilities, IHostView host, bool defaultEnabled)
    {
        if (context.Privileged) return null;
        var (type, path) = context.Seccomp is { } asked ? (asked.ProfileType, asked.LocalhostRef) : FromOldField(DeprecatedPath(context));
        switch (type)
        {
            case SecurityProfile.Types.ProfileType.Unconfined:
                return null;
            case SecurityProfile.Types.ProfileType.RuntimeDefault when !defaultEnabled:
                return null;
            case SecurityProfile.Types.ProfileType.RuntimeDefault:
                RequireKernel(host.Facts);
                return DefaultSeccompProfile.Build(host.Facts.Architecture, capabilities);
            case SecurityProfile.Types.ProfileType.Localhost:
                RequireKernel(host.Facts);
                return new LocalhostSeccomp(host, capabilities).Read(Path(path), Ref);
            default:
                throw Refusal.Invalid($"{Field}.profile_type", $"{(int)type} is unknown");
        }
    }

    /// <summary>An empty reference must never mean "no filter" (CVE-2023-2431): it is refused as no path.</summary>
    private static string Path(string reference) => ContainerPath.Clean(
        reference.StartsWith(LocalhostPrefix, StringComparison.Ordinal) ? reference[LocalhostPrefix.Length..] : reference, Ref);

    private static void RequireKernel(HostFacts host)
    {
        if (!host.Seccomp) throw Refusal.Impossible(Field, "asks for a filter, but this node's kernel has no seccomp");
    }

    private static (SecurityProfile.Types.ProfileType Type, string Ref) FromOldField(string text) => text switch
    {
        "" or "unconfined" => (SecurityProfile.Types.ProfileType.Unconfined, ""),
        "runtime/default" or "docker/default" => (SecurityProfile.Types.ProfileType.RuntimeDefault, ""),
        _ when text.StartsWith(LocalhostPrefix, StringComparison.Ordinal) => (SecurityProfile.Types.ProfileType.Localhost, text),
        _ =>
            throw Refusal.Invalid(
                "linux.security_context.seccomp_profile_path",
                $"'{ContainerPath.Show(text)}' is not runtime/default, unconfined or localhost/<path>"),
    };

#pragma warning disable CS0612 // the deprecated field is read because older clients still send it
    private static string DeprecatedPath(LinuxContainerSecurityContext context) => context.SeccompProfilePath;
#pragma warning restore CS0612
}
