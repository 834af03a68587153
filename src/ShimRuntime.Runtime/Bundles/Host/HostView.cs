using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>This machine.</summary>
public sealed class HostView(HostFacts facts) : IHostView
{
    private const int O_PATH = 0x200000;
    private const int O_NONBLOCK = 0x800;
    private const int MaxDevices = 16_384;

    // Made anew in every container (devpts, shm, mqueue), or another runtime's own.
    private static readonly HashSet<string> SkippedDirectories = ["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"];

    public HostFacts Facts { get; } = facts;

    public HostPath Resolve(string path)
    {
        using (var handle = Open(path, O_PATH))
        {
            if (handle is not null) return new HostPath(RealPath(handle), HostPathState.Exists);
        }

        if (path == "/" || new FileInfo(path).LinkTarget is not null) return new HostPath(path, HostPathState.Broken);
        var parent = Resolve(Path.GetDirectoryName(path)!);
        if (parent.State == HostPathState.Broken) return parent;
        if (parent.State == HostPathState.Exists && !Directory.Exists(parent.Real)) return new HostPath(path, HostPathState.Broken);
        return new HostPath(Path.Combine(parent.Real, Path.GetFileName(path)), HostPathState.Missing);
    }

    public HostNode? Node(string path)
    {
        using var handle = Open(path, O_PATH);
        return handle is null ? null : ToNode(path, FileMetadata.Stat(handle));
    }

    public IReadOnlyList<HostNode> NodesBelow(string directory)
    {
        var found = new List<HostNode>();
        Collect(directory, found);
        return found;
    }

    public MountInfo? MountHolding(string path) => MountTable.Read().Holding(path);

    public IReadOnlySet<string> ApparmorProfiles()
    {
        const string Loaded = "/sys/kernel/security/apparmor/profiles";
        if (!File.Exists(Loaded)) return new HashSet<string>();
        // "name (enforce)"; a name may hold spaces.
        return File.ReadLines(Loaded).Select(line => line[..Math.Max(line.LastIndexOf(" (", StringComparison.Ordinal), 0)]).ToHashSet();
    }

    public byte[]? ReadFile(string path, int maxBytes)
    {
        using var look = Open(path, O_PATH);
        if (look is null) return null;
        if (FileMetadata.Stat(look).Kind != FileKind.Regular) throw new IOException("it is no regular file");
        using var handle = Open($"/proc/self/fd/{look.DangerousGetHandle()}", O_NONBLOCK);
        if (handle is null) return null;
        var length = RandomAccess.GetLength(handle);
        if (length > maxBytes) throw new IOException($"it is larger than {maxBytes} bytes");
        var content = new byte[length];
        return content[..RandomAccess.Read(handle, content, 0)];
    }

    private static void Collect(string directory, List<HostNode> found)
    {
        foreach (var entry in new DirectoryInfo(directory).EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            if (entry.LinkTarget is not null) continue;
            if (entry is DirectoryInfo)
            {
                if (!SkippedDirectories.Contains(entry.Name)) Collect(entry.FullName, found);
                continue;
            }

            using var handle = Open(entry.FullName, O_PATH);
            if (handle is null || entry.Name == "console") continue;
            if (ToNode(entry.FullName, FileMetadata.Stat(handle)) is { Kind: not FileKind.Directory } node) found.Add(node);
            if (found.Count > MaxDevices) throw Refusal.Impossible("devices", $"'{directory}' holds more than {MaxDevices} device nodes");
        }
    }

    private static HostNode? ToNode(string path, FileStatus status) =>
        status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice or FileKind.Directory
        ? new HostNode(path, status.Kind, status.DeviceMajor, status.DeviceMinor, status.Mode & 0x1FF, status.Uid, status.Gid)
        : null;

    private static SafeFileHandle? Open(string path, int flags)
    {
        try
        {
            using var root = SafeDirFd.Open("/");
            return root.TryOpen(Encoding.UTF8.GetBytes(path), flags, ResolveFlags.None);
        }
        catch (LinuxException e) when (e.ErrorNumber is Errno.ELOOP or Errno.EACCES or Errno.ENAMETOOLONG)
        {
            return null;
        }
    }

    private static string RealPath(SafeFileHandle handle) =>
        new FileInfo($"/proc/self/fd/{handle.DangerousGetHandle()}").LinkTarget
            ?? throw new IOException("/proc/self/fd does not name an open file");
}
