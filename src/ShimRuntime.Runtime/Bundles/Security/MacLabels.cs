using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Node;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>Mandatory access control: AppArmor profile and SELinux label of the process. Null: unconfined by that module.</summary>
internal static class MacLabels
{
    private const string Field = "linux.security_context.apparmor";
    private const string LocalhostPrefix = "localhost/"; // of the older field, which some clients put into the newer one

    /// <param name="defaultProfile">What RuntimeDefault is (RuntimeOptions.ApparmorProfile).</param>
    public static string? Apparmor(LinuxContainerSecurityContext context, IHostView host, string defaultProfile)
    {
        if (context.Privileged) return null;
        var profile = context.Apparmor is { } asked ? FromProfile(asked) : FromOldField(DeprecatedApparmor(context));
        switch (profile)
        {
            case (SecurityProfile.Types.ProfileType.Unconfined, _):
                return null;
            case (SecurityProfile.Types.ProfileType.Localhost, var name):
                return Loaded(name.StartsWith(LocalhostPrefix, StringComparison.Ordinal) ? name[LocalhostPrefix.Length..] : name, host);
            default:
                return Default(defaultProfile, host); // nothing asked, or RuntimeDefault
        }
    }

    /// <summary>user:role:type:level. Without SELinux on the node the options mean nothing and are passed over, as kubelet expects.</summary>
    public static string? Selinux(LinuxContainerSecurityContext context, HostFacts host)
    {
        if (!host.Selinux || context.Privileged || context.SelinuxOptions is not { } label) return null;
        foreach (var part in new[] { label.User, label.Role, label.Type, label.Level })
        {
            if (part.AsSpan().ContainsAny('\0', '\n', ' ')) throw Refusal.Invalid("linux.security_context.selinux_options", "contains a space or control character");
        }

        return string.Join(':', Or(label.User, "system_u"), Or(label.Role, "system_r"), Or(label.Type, "container_t"), Or(label.Level, "s0"));
    }

    /// <summary>Files of the container carry the process's level and the customary type of container files.</summary>
    public static string MountLabel(string processLabel) => $"system_u:object_r:container_file_t:{processLabel.Split(':', 4)[3]}";

    /// <summary>
    /// Unconfined on a node without AppArmor, and where our own profile could not be loaded, which Status says (ApparmorNode). A profile
    /// that the operator has chosen is never silently left out.
    /// </summary>
    private static string? Default(string profile, IHostView host)
    {
        if (!host.Facts.Apparmor || profile.Length == 0) return null;
        if (host.ApparmorProfiles().Contains(profile)) return profile;
        if (profile == ApparmorProfile.Name) return null;
        throw Refusal.Impossible(Field, $"is RuntimeDefault, on this node '{profile}' (apparmor_profile), which is not loaded; load it with apparmor_parser");
    }

    private static string Loaded(string name, IHostView host)
    {
        if (name.Length == 0) throw Refusal.Invalid($"{Field}.localhost_ref", "is empty; name a loaded profile");
        if (!host.Facts.Apparmor) throw Refusal.Impossible(Field, $"asks for '{ContainerPath.Show(name)}', but AppArmor is off on this node");
        return host.ApparmorProfiles().Contains(name)
            ? name
            : throw Refusal.Impossible(Field, $"asks for '{ContainerPath.Show(name)}', which is not loaded on this node; load it with apparmor_parser");
    }

    private static (SecurityProfile.Types.ProfileType Type, string Name) FromProfile(SecurityProfile asked) =>
        Enum.IsDefined(asked.ProfileType) ? (asked.ProfileType, asked.LocalhostRef) : throw Refusal.Invalid($"{Field}.profile_type", $"{(int)asked.ProfileType} is unknown");

    private static (SecurityProfile.Types.ProfileType Type, string Name) FromOldField(string text) => text switch
    {
        "" or "runtime/default" => (SecurityProfile.Types.ProfileType.RuntimeDefault, ""),
        "unconfined" => (SecurityProfile.Types.ProfileType.Unconfined, ""),
        _ when text.StartsWith(LocalhostPrefix, StringComparison.Ordinal) => (SecurityProfile.Types.ProfileType.Localhost, text),
        _ => throw Refusal.Invalid("linux.security_context.apparmor_profile", $"'{ContainerPath.Show(text)}' is not runtime/default, unconfined or localhost/<name>"),
    };

    private static string Or(string value, string fallback) => value.Length > 0 ? value : fallback;

#pragma warning disable CS0612 // the deprecated field is read because older clients still send it
    private static string DeprecatedApparmor(LinuxContainerSecurityContext context) => context.ApparmorProfile;
#pragma warning restore CS0612
}
