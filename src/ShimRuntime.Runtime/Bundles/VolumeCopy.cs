using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Fills a volume with what the image has at its path: content, owner, mode, times, extended attributes, hard links among themselves.
/// Both trees are walked by directory descriptors and no link is followed, so that nothing outside of them is read or written.
/// </summary>
internal sealed class VolumeCopy
{
    private const int MaxDepth = 256;
    private const int BlockBytes = 128 * 1024;
    private readonly CancellationToken _cancellation;
    private readonly SafeDirFd _top;
    private readonly bool _devices;
    private readonly byte[] _block = new byte[BlockBytes];

    // Files with several names: inode to the first copy, by its path below the volume.
    private readonly Dictionary<ulong, FileName[]> _linked = [];

    private VolumeCopy(SafeDirFd top, bool devices, CancellationToken cancellation) => (_top, _devices, _cancellation) = (top, devices, cancellation);

    /// <param name="target">An empty directory.</param>
    /// <param name="devices">Device nodes are copied, too. Not for root of a user namespace, who would own the host's devices.</param>
    public static void Fill(SafeDirFd source, SafeDirFd target, bool devices, CancellationToken cancellation) =>
        new VolumeCopy(target, devices, cancellation).CopyDirectory(source, target, []);

    private void CopyDirectory(SafeDirFd source, SafeDirFd target, FileName[] path)
    {
        if (path.Length > MaxDepth) throw Refusal.Invalid("image Volumes", $"has directories nested deeper than {MaxDepth}");
        foreach (var entry in source.List())
        {
            _cancellation.ThrowIfCancellationRequested();
            if (source.TryStat(entry.Name) is { } status) CopyEntry(source, target, [.. path, entry.Name], status);
        }

        var own = source.Stat();
        target.SetOwner(own.Uid, own.Gid);
        foreach (var attribute in source.ListXattrs())
        {
            if (source.TryGetXattr(attribute) is { } value) target.SetXattr(attribute, value);
        }

        target.SetMode(own.Mode);
        target.SetTimes(own.AccessTime, own.ModifyTime);
    }

    private void CopyEntry(SafeDirFd source, SafeDirFd target, FileName[] path, FileStatus status)
    {
        var name = path[^1];
        switch (status.Kind)
        {
            case FileKind.Socket: // a socket without its process is nothing
                return;
            case FileKind.CharacterDevice or FileKind.BlockDevice when !_devices:
                return;
            case FileKind.Directory:
                target.MakeDirectory(name);
                using (var from = source.OpenDirectory(name))
                using (var to = target.OpenDirectory(name))
                {
                    CopyDirectory(from, to, path);
                }

                return;
            case var _ when status.LinkCount > 1 && _linked.TryGetValue(status.Inode, out var first):
                LinkToFirst(target, name, first);
                return;
            case FileKind.Symlink:
                target.MakeSymlink(name, source.ReadLink(name));
                break;
            case FileKind.Regular:
                CopyContent(source, target, name);
                break;
            default:
                target.MakeNode(name, (uint)status.Kind | status.Mode, status.DeviceMajor, status.DeviceMinor);
                break;
        }

        if (status.LinkCount > 1) _linked[status.Inode] = path;
        CopyMetadata(source, target, name, status);
    }

    private void LinkToFirst(SafeDirFd target, FileName name, FileName[] first)
    {
        var directory = _top.Duplicate();
        try
        {
            foreach (var part in first[..^1])
            {
                var next = directory.OpenDirectory(part);
                directory.Dispose();
                directory = next;
            }

            target.MakeLink(name, directory, first[^1]);
        }
        finally
        {
            directory.Dispose();
        }
    }

    /// <summary>Blocks of zeros become holes.</summary>
    private void CopyContent(SafeDirFd source, SafeDirFd target, FileName name)
    {
        using var from = source.TryOpenFile(name) ?? throw new LinuxException("openat2", Errno.ENOENT, name.ToString());
        using SafeFileHandle to = target.CreateFile(name);
        long offset = 0;
        for (int read; (read = RandomAccess.Read(from, _block, offset)) > 0; offset += read)
        {
            _cancellation.ThrowIfCancellationRequested();
            if (_block.AsSpan(0, read).ContainsAnyExcept((byte)0)) FileMetadata.Write(to, _block.AsSpan(0, read), offset);
        }

        FileMetadata.SetSize(to, offset);
    }

    // Owner first: changing it clears set-id bits and file capabilities.
    private static void CopyMetadata(SafeDirFd source, SafeDirFd target, FileName name, FileStatus status)
    {
        target.SetOwner(name, status.Uid, status.Gid);
        foreach (var attribute in source.ListXattrs(name))
        {
            if (source.TryGetXattr(name, attribute) is { } value) target.SetXattr(name, attribute, value);
        }

        if (status.Kind != FileKind.Symlink) target.SetMode(name, status.Mode);
        target.SetTimes(name, status.AccessTime, status.ModifyTime);
    }
}
