using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// The file systems that every Linux program expects (config-linux.md, "Default Filesystems"), as restrictive as they work.
/// </summary>
internal static class DefaultMounts
{
    private const uint TerminalGroup = 5; // "tty" of every distribution

    /// <param name="groups">Of the user namespace; null: the host's.</param>
    public static IEnumerable<MountSpec> Build(bool privileged, IdRange? groups)
    {
        var access = privileged ? "rw" : "ro";
        string[] terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
        // devpts(5) refuses a group that is not mapped.
        if (groups is null || groups.Value.OnHost(TerminalGroup) is not null) terminals = [.. terminals, $"gid={TerminalGroup}"];
        return
        [
            Mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            Mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            Mount("/dev/pts", "devpts", "devpts", terminals),
            Mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
            Mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", access),
            Mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", access),
        ];
    }

    private static MountSpec Mount(string destination, string type, string source, params string[] options) =>
        new() { Destination = destination, Type = type, Source = source, Options = options };
}
