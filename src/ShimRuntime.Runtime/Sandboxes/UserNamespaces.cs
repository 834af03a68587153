using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>A pod's user namespace, as CRI asks for it: one range of ids for users and one for groups, each from 0 on.</summary>
internal static class UserNamespaces
{
    private const string Options = "linux.security_context.namespace_options";

    /// <summary>The pod init becomes 65535.</summary>
    private const uint InitIds = 65_536;

    /// <summary>InvalidArgument for what the kernel would refuse, or what would give less than it promises.</summary>
    public static void Check(NamespaceOption options)
    {
        if (options.UsernsOptions is not { } user) return;
        switch (user.Mode)
        {
            case NamespaceMode.Node:
                if (user.Uids.Count + user.Gids.Count > 0) throw Bad("userns_options", "has mode NODE and mappings; give mode POD, or none");
                return;
            case NamespaceMode.Pod:
                break;
            default:
                throw Bad("userns_options.mode", $"{user.Mode} is neither POD nor NODE");
        }

        CheckRange(user.Uids, "userns_options.uids");
        CheckRange(user.Gids, "userns_options.gids");
        // proc, sysfs and mqueue can be mounted only where PID, network and IPC namespace belong to the user namespace.
        CheckOwn(options.Network, "network");
        CheckOwn(options.Pid, "pid");
        CheckOwn(options.Ipc, "ipc");
        if (options.Pid == NamespaceMode.Pod && Math.Min(user.Uids[0].Length, user.Gids[0].Length) < InitIds)
            throw Bad("userns_options", $"maps fewer than {InitIds} ids, which a pod with a shared PID namespace needs");
    }

    /// <summary>The pod is to have one.</summary>
    public static bool IsAsked(PodSandboxConfig? config) =>
        config?.Linux?.SecurityContext?.NamespaceOptions?.UsernsOptions is { Mode: NamespaceMode.Pod };

    /// <summary>Of options that <see cref="Check"/> has passed, with mode POD.</summary>
    public static UserMappings Mappings(UserNamespace user) => new(Range(user.Uids[0]), Range(user.Gids[0]));

    private static void CheckOwn(NamespaceMode mode, string field)
    {
        if (mode == NamespaceMode.Node) throw Bad(field, "is NODE, which a pod with a user namespace can't have; give POD, or no userns_options");
    }

    private static void CheckRange(IReadOnlyList<IDMapping> mappings, string list)
    {
        if (mappings.Count != 1) throw Bad(list, $"has {mappings.Count} mappings; exactly one is supported");
        var one = mappings[0];
        if (one.ContainerId != 0) throw Bad(list, $"does not map id 0: its container_id is {one.ContainerId}");
        if (one.Length == 0) throw Bad(list, "maps no id: its length is 0");
        // 4294967295 is no id (-1).
        if ((ulong)one.HostId + one.Length > uint.MaxValue)
            throw Bad(list, $"goes beyond the last id, {uint.MaxValue - 1}: host_id {one.HostId}, length {one.Length}");
    }

    private static RuntimeFault Bad(string field, string cause) => SandboxValidation.Bad($"{Options}.{field} {cause}");

    private static IdRange Range(IDMapping mapping) => new(mapping.HostId, mapping.Length);
}
