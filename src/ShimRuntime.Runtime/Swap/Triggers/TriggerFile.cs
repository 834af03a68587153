using System.Security.Cryptography;
using System.Text;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Runtime.Swap.Triggers;

/// <summary>
/// The file whose change asks for a swap, as the host has it: below the source of one of the container's read-only mounts. Meant for a
/// downwardAPI volume, into which kubelet writes an annotation of the pod.
/// </summary>
/// <param name="Directory">The mount's source; what is renamed or closed in it makes us look. (kubelet renames ..data.)</param>
/// <param name="Name">Below it.</param>
internal sealed record TriggerFile(string Directory, string Name)
{
    public const int MostBytes = 64 << 10;

    /// <summary>By its path in the container.</summary>
    /// <exception cref="RuntimeFault">InvalidArgument: the path is below no read-only mount.</exception>
    public static TriggerFile Find(string path, ContainerConfig config)
    {
        var clean = ContainerPath.Clean(path, "trigger");
        var mount = config.Mounts
            .Where(m => m.HostPath.Length > 0 && m.ContainerPath.Length > 0 && ContainerPath.IsWithin(clean, Clean(m.ContainerPath)))
            .MaxBy(m => Clean(m.ContainerPath).Length);
        if (mount is null || clean == Clean(mount.ContainerPath)) throw Refused(clean, "is a file below none of the container's mounts");
        if (!mount.Readonly) throw Refused(clean, "is on a mount that the container may write to; mount it read-only");
        return new TriggerFile(Clean(mount.HostPath), clean[Clean(mount.ContainerPath).Length..].TrimStart('/'));
    }

    /// <summary>Empty when there is no such file.</summary>
    /// <exception cref="RuntimeFault">InvalidArgument: it is no regular file, leads out of the mount, or is too large.</exception>
    public string Read()
    {
        try
        {
            using var directory = SafeDirFd.Open(Directory);
            using var file = directory.TryOpen(Encoding.UTF8.GetBytes(Name), O_RDONLY | O_NONBLOCK, ResolveFlags.Beneath | ResolveFlags.NoMagicLinks);
            if (file is null) return "";
            if (FileMetadata.Stat(file).Kind != FileKind.Regular) throw Refused(Name, "is no regular file");
            var bytes = new byte[MostBytes + 1];
            var count = ReadAll(file, bytes);
            return count <= MostBytes ? Encoding.UTF8.GetString(bytes, 0, count) : throw Refused(Name, $"is larger than {MostBytes} bytes");
        }
        catch (IOException e)
        {
            throw Refused(Name, $"can't be read: {e.Message}");
        }
    }

    /// <summary>Of a content; "" for the empty one.</summary>
    public static string Digest(string content) => content.Length == 0 ? "" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    /// <summary>Whether one of these containers may write to it through a mount of its own.</summary>
    public bool IsWritableBy(ContainerConfig config) => config.Mounts.Any(m => !m.Readonly && m.HostPath.Length > 0
        && (ContainerPath.IsWithin(Directory, Clean(m.HostPath)) || ContainerPath.IsWithin(Clean(m.HostPath), Directory)));

    private static int ReadAll(Microsoft.Win32.SafeHandles.SafeFileHandle file, byte[] bytes)
    {
        var count = 0;
        while (count < bytes.Length && RandomAccess.Read(file, bytes.AsSpan(count), count) is > 0 and var read) count += read;
        return count;
    }

    /// <summary>Mounts were checked when the container was created.</summary>
    private static string Clean(string path) => ContainerPath.Clean(path, "trigger");

    private static RuntimeFault Refused(string path, string cause) => RuntimeFault.InvalidArgument($"'{ContainerPath.Show(path)}' {cause}");
}
