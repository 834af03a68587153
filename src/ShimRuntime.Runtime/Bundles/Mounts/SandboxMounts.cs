using ShimRuntime.Oci;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// What the pod gives every container: /etc/hosts, /etc/hostname, /etc/resolv.conf, read-only where the rootfs is, and the pod's shared
/// memory. A request that mounts something of its own at such a path wins.
/// </summary>
internal static class SandboxMounts
{
    private const string HostShm = "/dev/shm";

    public static IEnumerable<MountSpec> Build(Sandbox sandbox, bool readonlyRootfs)
    {
        var access = readonlyRootfs ? "ro" : "rw";
        if (sandbox.HostsPath is { } hosts) yield return Bind(hosts, "/etc/hosts", access, "noexec");
        yield return Bind(sandbox.HostnamePath, "/etc/hostname", access, "noexec");
        yield return Bind(sandbox.ResolvConfPath, "/etc/resolv.conf", access, "noexec");
        yield return Bind(sandbox.ShmPath ?? HostShm, HostShm, "rw", "noexec");
    }

    private static MountSpec Bind(string source, string destination, string access, string exec) => new()
    {
        Destination = destination,
        Type = "bind",
        Source = source,
        Options = ["rbind", "rprivate", "nosuid", "nodev", exec, access],
    };
}
