using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>What a request can't ask of this runtime at all, before anything is built.</summary>
internal static class ConfigChecks
{
    private const int MaxArguments = 65_536;
    private const int MaxDevices = 4096;
    private const int MaxPaths = 1024;

    public static void Check(ContainerConfig config, Sandbox sandbox)
    {
        if (config.Linux?.SecurityContext?.Privileged == true && sandbox.Config.Linux?.SecurityContext?.Privileged != true)
        {
            throw Refusal.Invalid(
                "linux.security_context.privileged", "is set in a pod that is not privileged; set it in the pod's security context too");
        }

        ResourceClasses.Check(config, sandbox);
        if (config.Windows is not null) throw Refusal.Invalid("windows", "is set, and this is a Linux node");
        AtMost(config.Command.Count, MaxArguments, "command");
        AtMost(config.Args.Count, MaxArguments, "args");
        AtMost(config.Envs.Count, MaxArguments, "envs");
        AtMost(config.Devices.Count, MaxDevices, "devices");
        if (config.Linux?.SecurityContext is not { } context) return;
        CheckUsers(context.NamespaceOptions?.UsernsOptions, sandbox);
        AtMost(context.SupplementalGroups.Count, MaxArguments, "linux.security_context.supplemental_groups"); // NGROUPS_MAX
        AtMost(context.MaskedPaths.Count, MaxPaths, "linux.security_context.masked_paths");
        AtMost(context.ReadonlyPaths.Count, MaxPaths, "linux.security_context.readonly_paths");
    }

    /// <summary>The pod's user namespace is every container's; saying something else can only be a mistake.</summary>
    private static void CheckUsers(UserNamespace? asked, Sandbox sandbox)
    {
        const string Field = "linux.security_context.namespace_options.userns_options";
        if (asked is null) return;
        var pod = sandbox.UserNamespace is null ? null : sandbox.Config.Linux.SecurityContext.NamespaceOptions.UsernsOptions;
        var same = pod is null ? asked is { Mode: NamespaceMode.Node, Uids.Count: 0, Gids.Count: 0 } : asked.Equals(pod);
        if (!same) throw Refusal.Invalid(Field, "is not the pod's; give the same, or nothing");
    }

    private static void AtMost(int count, int limit, string field)
    {
        if (count > limit) throw Refusal.Invalid(field, $"has {count} entries, more than {limit}");
    }
}
