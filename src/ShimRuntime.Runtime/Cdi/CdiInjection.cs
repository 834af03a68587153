using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Runtime.Cdi;

/// <summary>
/// Puts container edits into a config.json that is otherwise ready (SPEC.md, "OCI Edits"). A later edit wins over an earlier one and over
/// the request: the same variable, device path or mount point is replaced.
/// </summary>
/// <param name="users">Of the pod; null: the host's.</param>
internal sealed class CdiInjection(IHostView host, UserMappings? users)
{
    private const string Field = "CDI_devices";
    private const string Resctrl = "/sys/fs/resctrl/schemata";

    /// <summary>FailedPrecondition for what a spec names and this node has not.</summary>
    public RuntimeSpec Apply(RuntimeSpec spec, IReadOnlyList<CdiEdits> edits)
    {
        foreach (var edit in edits) spec = Apply(spec, edit);
        return spec;
    }

    private RuntimeSpec Apply(RuntimeSpec spec, CdiEdits edits)
    {
        CheckRdt(edits);
        CheckGroups(edits);
        var nodes = edits.DeviceNodes.Select(n => (From: n, Node: ToSpec(n, spec.Process.User, edits.Source))).ToList();
        var binds = nodes.Where(n => IsBound(n.From, n.Node, edits.Source))
            .Select(n => DeviceList.Bind(n.From.HostPath, n.Node.Path, Field)).ToList();
        var made = nodes.Select(n => n.Node).Where(n => !binds.Exists(b => b.Destination == n.Path)).ToList();
        var resources = spec.Linux.Resources ?? new LinuxResources();
        return spec with
        {
            Process = spec.Process with
            {
                Env = WithEnv(spec.Process.Env, edits.Env),
                User = spec.Process.User with { AdditionalGids = [.. (spec.Process.User.AdditionalGids ?? []).Union(edits.AdditionalGids)] },
            },
            Mounts = WithMounts(spec.Mounts ?? [], edits, binds),
            Hooks = WithHooks(spec.Hooks, edits),
            Linux = spec.Linux with
            {
                Devices = nodes.Count == 0 ? spec.Linux.Devices : WithNodes(spec.Linux.Devices ?? [], made, binds),
                Resources = resources with
                {
                    Devices = [.. resources.Devices ?? [], .. nodes.Where(n => n.Node.Type != "p").Select(n => Rule(n.Node, n.From.Permissions))],
                },
                IntelRdt = edits.IntelRdt ?? spec.Linux.IntelRdt,
            },
        };
    }

    private static IReadOnlyList<string> WithEnv(IReadOnlyList<string> env, IReadOnlyList<string> added)
    {
        if (added.Count == 0) return env;
        var variables = new OrderedDictionary<string, string>();
        foreach (var variable in env.Concat(added)) variables[variable[..variable.IndexOf('=', StringComparison.Ordinal)]] = variable;
        return [.. variables.Values];
    }

    private DeviceSpec ToSpec(CdiDeviceNode node, UserSpec user, string source)
    {
        var spec = new DeviceSpec
        {
            Path = node.Path,
            Type = node.Type ?? "",
            Major = node.Major,
            Minor = node.Minor,
            FileMode = node.FileMode,
            // A device of an unprivileged container belongs to whom it runs as, unless the spec says whose it is.
            Uid = node.Uid ?? (user.Uid > 0 ? user.Uid : null),
            Gid = node.Gid ?? (user.Gid > 0 ? user.Gid : null),
        };
        if (node.Type == "p" || (node.Type is not null && node.Major != 0)) return spec;
        if (host.Node(node.HostPath) is not { Kind: FileKind.BlockDevice or FileKind.CharacterDevice } found)
            throw Refusal.Impossible(Field, $"get '{node.HostPath}' from {source}, which is no device of this node");
        var type = found.Kind == FileKind.BlockDevice ? "b" : "c";
        if (node.Type is not null && type != (node.Type == "u" ? "c" : node.Type))
            throw Refusal.Impossible(Field, $"get '{node.HostPath}' of type {node.Type} from {source}, but here it has type {type}");
        return spec with { Type = node.Type ?? type, Major = found.Major, Minor = found.Minor };
    }

    private static DeviceRule Rule(DeviceSpec node, string permissions) => new()
    {
        Allow = true, Type = node.Type == "u" ? "c" : node.Type, Major = node.Major, Minor = node.Minor, Access = permissions,
    };

    private static IReadOnlyList<DeviceSpec> WithNodes(IReadOnlyList<DeviceSpec> nodes, List<DeviceSpec> added, List<MountSpec> binds)
    {
        var all = new OrderedDictionary<string, DeviceSpec>();
        foreach (var node in nodes.Concat(added)) all[node.Path] = node;
        foreach (var bind in binds) all.Remove(bind.Destination);
        return [.. all.Values];
    }

    /// <summary>
    /// In a user namespace no node can be made, and runc binds what the host has at the container's path. So it has to be the host's, and under
    /// another path it is bound by us, as <see cref="DeviceList"/> does.
    /// </summary>
    private bool IsBound(CdiDeviceNode from, DeviceSpec node, string source)
    {
        if (users is null) return false;
        var there = host.Node(from.HostPath);
        var same = there is not null && node.Type != "p" && (there.Major, there.Minor) == (node.Major, node.Minor)
            && (there.Kind == FileKind.BlockDevice) == (node.Type == "b");
        if (!same)
        {
            throw Refusal.Impossible(Field, $"get '{node.Path}' from {source}, which is no device that this node has at '{from.HostPath}'; "
                + "in a pod with a user namespace none can be made");
        }

        return from.HostPath != node.Path;
    }

    /// <summary>From the root down, so that none hides another; what is at one depth stays in its order.</summary>
    private IReadOnlyList<MountSpec> WithMounts(IReadOnlyList<MountSpec> mounts, CdiEdits edits, List<MountSpec> binds)
    {
        if (edits.Mounts.Count + binds.Count == 0) return mounts;
        foreach (var mount in edits.Mounts.Where(m => m.Type == "bind"))
        {
            if (host.Resolve(mount.Source).State != HostPathState.Exists)
                throw Refusal.Impossible(Field, $"get '{mount.Source}' from {edits.Source}, which does not exist on this node");
        }

        var all = edits.Mounts.Select(WithLockedFlags).Concat(binds).ToList();
        var taken = all.Select(m => m.Destination).ToHashSet(StringComparer.Ordinal);
        var added = all.AsEnumerable().Reverse().DistinctBy(m => m.Destination).Reverse();
        return [.. mounts.Where(m => !taken.Contains(m.Destination)).Concat(added).OrderBy(m => ContainerPath.Depth(m.Destination))];
    }

    private MountSpec WithLockedFlags(MountSpec mount)
    {
        if (users is null || mount.Type != "bind") return mount;
        var options = (mount.Options ?? []).ToList();
        LockedFlags.Keep(options, host.MountHolding(host.Resolve(mount.Source).Real), Field);
        return mount with { Options = options };
    }

    private HooksSpec? WithHooks(HooksSpec? hooks, CdiEdits edits)
    {
        foreach (var (stage, hook) in edits.Hooks)
        {
            // startContainer's is a program of the image.
            if (stage != "startContainer" && host.Resolve(hook.Path).State != HostPathState.Exists)
                throw Refusal.Impossible(Field, $"get the hook '{hook.Path}' from {edits.Source}, which does not exist on this node");
            hooks = (hooks ?? new HooksSpec()).With(stage, hook);
        }

        return hooks;
    }

    private void CheckGroups(CdiEdits edits)
    {
        if (users is null) return;
        foreach (var group in edits.AdditionalGids.Where(g => users.Gids.OnHost(g) is null))
            throw Refusal.Impossible(Field, $"get the group {group} from {edits.Source}, which the pod's user namespace does not map");
    }

    private void CheckRdt(CdiEdits edits)
    {
        if (edits.IntelRdt is not null && host.Resolve(Resctrl).State != HostPathState.Exists)
            throw Refusal.Impossible(Field, $"get an intelRdt class from {edits.Source}, and resctrl is not mounted on this node");
    }
}
