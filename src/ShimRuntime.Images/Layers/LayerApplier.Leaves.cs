using System.Collections.Immutable;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

internal sealed partial class LayerApplier
{
    private const int MaxDroppedNames = 16;

    private delegate void XattrSetter(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value);

    /// <summary>Everything but directories and hard links.</summary>
    private ValueTask ApplyLeafAsync(LayerDirectory parent, FileName name, TarEntry entry, TarReader reader, CancellationToken cancellation)
    {
        if (_tree.Open(parent).TryStat(name) is not null) Clear(parent, name, cancellation);
        var fd = _tree.Open(parent);
        switch (entry.Kind)
        {
            case TarEntryKind.File:
                return ApplyFileAsync(fd.CreateFile(name), entry, reader);
            case TarEntryKind.Symlink:
                MakeSymlink(fd, name, entry);
                break;
            case TarEntryKind.Fifo:
                MakeNode(fd, name, entry, FifoType);
                break;
            case TarEntryKind.CharacterDevice:
                MakeNode(fd, name, entry, CharacterType);
                break;
            case TarEntryKind.BlockDevice:
                MakeNode(fd, name, entry, BlockType);
                break;
            default:
                throw new TarFormatException($"entry kind {entry.Kind} is no leaf");
        }

        return default;
    }

    private async ValueTask ApplyFileAsync(SafeFileHandle created, TarEntry entry, TarReader reader)
    {
        using var file = created;
        var end = 0L;
        while (await reader.ReadDataAsync().ConfigureAwait(false) is { } data)
        {
            FileMetadata.Write(file, data.Bytes.Span, data.Offset);
            end = data.Offset + data.Bytes.Length;
        }

        if (end != entry.SizeBytes) FileMetadata.SetSize(file, entry.SizeBytes);
        FileMetadata.SetOwner(file, entry.Uid, entry.Gid);
        SetXattrs(entry, FileKind.Regular, (key, value) => FileMetadata.SetXattr(file, key, value));
        FileMetadata.SetMode(file, entry.Mode);
        FileMetadata.SetTimes(file, entry.ModifyTime, entry.ModifyTime);
    }

    private void MakeSymlink(SafeDirFd fd, FileName name, TarEntry entry)
    {
        var target = entry.LinkTarget;
        if (target.Length == 0 || target.Length > _limits.MaxNameBytes || target.Contains((byte)0))
        {
            throw new TarFormatException($"a symbolic link's text is empty, longer than {_limits.MaxNameBytes} bytes, or has a NUL");
        }

        fd.MakeSymlink(name, target);
        fd.SetOwner(name, entry.Uid, entry.Gid);
        SetXattrs(entry, FileKind.Symlink, (key, value) => fd.SetXattr(name, key, value));
        fd.SetTimes(name, entry.ModifyTime, entry.ModifyTime);
    }

    private void MakeNode(SafeDirFd fd, FileName name, TarEntry entry, uint type)
    {
        fd.MakeNode(name, type | 0x180, entry.DeviceMajor, entry.DeviceMinor);
        fd.SetOwner(name, entry.Uid, entry.Gid);
        SetXattrs(entry, (FileKind)type, (key, value) => fd.SetXattr(name, key, value));
        fd.SetMode(name, entry.Mode);
        fd.SetTimes(name, entry.ModifyTime, entry.ModifyTime);
    }

    private void ApplyHardLink(LayerDirectory parent, FileName name, TarEntry entry, CancellationToken cancellation)
    {
        var target = MemberPath.Parse(entry.LinkTarget, _limits);
        if (target.IsEmpty) throw new TarFormatException("a hard link's target is the root");
        var targetParent = _tree.FindParentOf(target);
        var targetStatus = targetParent is null ? null : _tree.Open(targetParent).TryStat(target[^1]);
        if (targetStatus is null)
        {
            LinkToLowerLayer(parent, name, target, cancellation);
            return;
        }

        if (targetStatus is { IsWhiteout: true } or { Kind: FileKind.Directory })
        {
            var shown = PathBytes.Display(entry.LinkTarget);
            throw new TarFormatException($"a hard link's target '{shown}' is a directory or is deleted by this layer");
        }

        if (_tree.Open(parent).TryStat(name) is { } existing)
        {
            if (existing.Kind != FileKind.Directory && existing.Inode == targetStatus.Value.Inode) return; // it is that inode already
            if (_tree.Child(parent, name) is { } replaced && targetParent!.IsWithin(replaced))
            {
                throw new TarFormatException("a hard link replaces the directory of its target");
            }

            Clear(parent, name, cancellation);
        }

        _tree.Open(parent).MakeLink(name, _tree.Open(targetParent!), target[^1]);
    }

    private void SetXattrs(TarEntry entry, FileKind kind, XattrSetter set)
    {
        foreach (var (name, value) in entry.Xattrs)
        {
            if (!XattrPolicy.Allows(name, kind) || !TrySet(set, name, value)) Drop(name);
        }
    }

    private static bool TrySet(XattrSetter set, byte[] name, byte[] value)
    {
        try
        {
            set(name, value);
            return true;
        }
        catch (LinuxException e) when (e.ErrorNumber is Errno.ENOTSUP or Errno.EINVAL)
        {
            return false; // the file system has no such attributes, or the kernel finds the value malformed
        }
    }

    private void Drop(ReadOnlySpan<byte> name)
    {
        if (_droppedXattrs.Count < MaxDroppedNames) _droppedXattrs.Add(PathBytes.Display(name));
    }

    // A second member for a directory replaces the first's attributes, but not the layer's own opaque mark.
    private static void RemoveXattrs(SafeDirFd fd)
    {
        foreach (var name in fd.ListXattrs())
        {
            if (XattrPolicy.IsCopied(name)) fd.RemoveXattr(name);
        }
    }
}
