using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Device nodes and the device cgroup's rules. First everything is denied; runc adds its own small set (null, zero, full, random, urandom,
/// tty, ptmx, pts). A requested directory stands for all nodes below it. Privileged: every node of the host, every access.
/// In a user namespace no node can be made, and runc binds the host's instead, by its path in the container: one that has another path there
/// would be another device, or none, so that is bound by a mount of ours.
/// </summary>
internal static class DeviceList
{
    private static readonly HashSet<string> OfTheRuntime = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

    /// <param name="userNamespace">The container is in one.</param>
    public static DevicePlan Build(ContainerConfig config, IHostView host, bool userNamespace)
    {
        var binds = new List<MountSpec>();
        var nodes = new OrderedDictionary<string, DeviceSpec>();
        var privileged = config.Linux?.SecurityContext?.Privileged ?? false;
        var rules = new List<DeviceRule> { new() { Allow = privileged, Access = "rwm" } };
        if (privileged)
        {
            foreach (var node in host.NodesBelow("/dev")) nodes[node.Path] = ToSpec(node, node.Path);
        }

        var requested = new HashSet<string>();
        for (var i = 0; i < config.Devices.Count; i++) Add(config.Devices[i], i);
        return new DevicePlan(nodes.Values.ToList(), binds, rules);

        void Add(Device device, int index)
        {
            var access = Access(device.Permissions, $"devices[{index}].permissions");
            foreach (var (node, path) in Expand(device, index, host))
            {
                if (!requested.Add(path)) throw Refusal.Invalid($"devices[{index}].container_path", $"'{path}' is given twice");
                if (userNamespace && node.Path != path)
                {
                    nodes.Remove(path);
                    binds.Add(Bind(node.Path, path, $"devices[{index}].container_path"));
                }
                else
                {
                    nodes[path] = ToSpec(node, path);
                }

                if (!privileged)
                {
                    rules.Add(new DeviceRule { Allow = true, Type = Kind(node), Major = node.Major, Minor = node.Minor, Access = access });
                }
            }
        }
    }

    /// <summary>In a user namespace: a device of the host under another path. FailedPrecondition for a path that the runtime covers.</summary>
    public static MountSpec Bind(string node, string path, string field) => OfTheRuntime.Contains(path)
        ? throw Refusal.Impossible(
            field, $"'{path}' is the runtime's own, which in a pod with a user namespace can't be another device; give another path")
        : new MountSpec { Destination = path, Type = "bind", Source = node, Options = ["bind", "rprivate"] };

    private static IEnumerable<(HostNode Node, string ContainerPath)> Expand(Device device, int index, IHostView host)
    {
        var source = ContainerPath.Clean(device.HostPath, $"devices[{index}].host_path");
        var target = device.ContainerPath.Length == 0 ? source : ContainerPath.Clean(device.ContainerPath, $"devices[{index}].container_path");
        var found = host.Node(source)
            ?? throw Refusal.Invalid($"devices[{index}].host_path", $"'{source}' is neither a device nor a directory of this node");
        if (found.Kind != FileKind.Directory) return [(found, target)];
        var below = host.NodesBelow(source);
        return below.Count > 0
            ? below.Select(node => (node, target + node.Path[source.Length..]))
            : throw Refusal.Invalid($"devices[{index}].host_path", $"'{source}' is a directory without devices");
    }

    private static string Access(string permissions, string field)
    {
        if (permissions.Length == 0) return "rwm";
        var known = permissions.All(c => c is 'r' or 'w' or 'm') && permissions.Distinct().Count() == permissions.Length;
        return known
            ? permissions
            : throw Refusal.Invalid(field, $"'{ContainerPath.Show(permissions)}' is not made of r, w and m, each once");
    }

    private static string Kind(HostNode node) => node.Kind == FileKind.BlockDevice ? "b" : "c";

    private static DeviceSpec ToSpec(HostNode node, string path) => new()
    {
        Path = path,
        Type = Kind(node),
        Major = node.Major,
        Minor = node.Minor,
        FileMode = node.Mode,
        Uid = node.Uid,
        Gid = node.Gid,
    };
}
