using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// The mounted rootfs, read as the hostile input that it is: every lookup is confined by the kernel (openat2(2), RESOLVE_IN_ROOT), links
/// are followed only inside, and files are read within limits.
/// </summary>
internal sealed class RootfsView(string path)
{
    private const int O_PATH = 0x200000;
    private const int O_NONBLOCK = 0x800;
    private const int MaxLinks = 40;
    private const ResolveFlags Confined = ResolveFlags.InRoot | ResolveFlags.NoMagicLinks;

    /// <summary>
    /// A regular file's lines. Empty when there is no such file; InvalidArgument when it is no regular file or beyond a limit.
    /// </summary>
    public IReadOnlyList<string> ReadLines(string file, int maxBytes, int maxLines)
    {
        using var root = SafeDirFd.Open(path);
        using var handle = Open(root, file, O_NONBLOCK);
        if (handle is null) return [];
        if (FileMetadata.Stat(handle).Kind != FileKind.Regular) throw Refusal.Invalid("image", $"has a {file} that is no regular file");
        var content = new byte[maxBytes + 1];
        var length = 0;
        for (int read; length < content.Length && (read = RandomAccess.Read(handle, content.AsSpan(length), length)) > 0;) length += read;
        if (length > maxBytes) throw Refusal.Invalid("image", $"has a {file} larger than {maxBytes} bytes");
        var lines = Encoding.UTF8.GetString(content, 0, length).Split('\n');
        return lines.Length <= maxLines ? lines : throw Refusal.Invalid("image", $"has a {file} of more than {maxLines} lines");
    }

    /// <summary>
    /// Where a clean absolute path leads when the image's links are followed, "/" being the rootfs; what is missing stays as written.
    /// Only text is returned, for a decision; nothing is opened by it.
    /// </summary>
    public string FollowLinks(string cleanPath)
    {
        using var root = SafeDirFd.Open(path);
        var pending = new Stack<string>(cleanPath.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var done = new List<string>();
        for (var links = 0; pending.TryPop(out var part);)
        {
            if (part == ".") continue;
            if (part == "..")
            {
                if (done.Count > 0) done.RemoveAt(done.Count - 1);
                continue;
            }

            var target = ReadLink(root, string.Join('/', done), part);
            if (target is null)
            {
                done.Add(part);
                continue;
            }

            if (++links > MaxLinks) throw Refusal.Invalid("image", $"has a loop of symbolic links at '{ContainerPath.Show(cleanPath)}'");
            if (target.StartsWith('/')) done.Clear();
            foreach (var step in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse()) pending.Push(step);
        }

        return "/" + string.Join('/', done);
    }

    private static string? ReadLink(SafeDirFd root, string directory, string name)
    {
        using var parent = root.TryOpenDirectory(Encoding.UTF8.GetBytes(directory), Confined);
        if (parent is null || !FileName.TryCreate(Encoding.UTF8.GetBytes(name), out var entry)) return null;
        return parent.TryStat(entry) is { Kind: FileKind.Symlink } ? Encoding.UTF8.GetString(parent.ReadLink(entry)) : null;
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle? Open(SafeDirFd root, string file, int flags)
    {
        try
        {
            // The O_PATH look comes first: opening a device node of the image has side effects.
            using var look = root.TryOpen(Encoding.UTF8.GetBytes(file), O_PATH, Confined);
            if (look is null) return null;
            if (FileMetadata.Stat(look).Kind != FileKind.Regular) throw Refusal.Invalid("image", $"has a {file} that is no regular file");
            return root.TryOpen(Encoding.UTF8.GetBytes(file), flags, Confined);
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.ELOOP)
        {
            throw Refusal.Invalid("image", $"has a {file} that is a loop of symbolic links");
        }
    }
}
