using System.Buffers;
using System.Collections.Immutable;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

internal sealed partial class LayerApplier
{
    private const int CopyBytes = 1 << 20;
    private readonly List<LowerLink> _lowerLinks = [];

    /// <summary>Completion writes file content: usage measured before it is out of date.</summary>
    public bool HasLowerLinks => _lowerLinks.Count > 0;

    /// <summary>
    /// Settles what depends on the layers below (overlayfs shows the attributes of the topmost directory, so one that the archive did not
    /// describe must carry those of the layer below), then sets the times of directories. Once, after <see cref="ApplyAsync"/>.
    /// </summary>
    /// <param name="lowerDirs">Diff directories of the committed layers below, top first, as they would be mounted.</param>
    public void Complete(IReadOnlyList<string> lowerDirs, CancellationToken cancellation)
    {
        try
        {
            using var lower = new LowerLayers(HidesAllBelow ? [] : lowerDirs);
            foreach (var link in _lowerLinks) Materialise(link, lower);
            _tree.SpreadRemovals();
            Inherit(lower, cancellation);
            foreach (var directory in _tree.Directories)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!directory.Removed) Finish(directory);
            }
        }
        catch (Exception e) when (e is TarFormatException or LinuxException)
        {
            throw LayerFault.Of(e, null);
        }
    }

    private void Finish(LayerDirectory directory)
    {
        if (directory.DefaultAcl is { } acl
            && !TrySet((name, value) => _tree.Open(directory).SetXattr(name, value), XattrPolicy.DefaultAcl.ToArray(), acl))
        {
            Drop(XattrPolicy.DefaultAcl);
        }

        if (directory.ModifyTime is { } time) _tree.Open(directory).SetTimes(time, time);
    }

    /// <summary>
    /// A hard link whose target this archive does not hold: an empty file stands for it, kept open, until the lower layers are known. By
    /// its descriptor it is found again whatever later members do to its names.
    /// </summary>
    private void LinkToLowerLayer(LayerDirectory parent, FileName name, ImmutableArray<FileName> target, CancellationToken cancellation)
    {
        if (_lowerLinks.Count == _limits.MaxLowerLinks)
        {
            throw new TarFormatException($"more than {_limits.MaxLowerLinks} hard links have their target in other layers");
        }

        if (_tree.Open(parent).TryStat(name) is not null) Clear(parent, name, cancellation);
        _lowerLinks.Add(new LowerLink(_tree.Open(parent).CreateFile(name), target));
    }

    /// <summary>
    /// Copies the target up, as overlayfs does for link(2): the new name and the old one are then one inode, in this layer.
    /// </summary>
    private void Materialise(LowerLink link, LowerLayers lower)
    {
        if (FileMetadata.Stat(link.Placeholder).LinkCount == 0) return; // later members replaced every name of it
        var shown = PathBytes.Display(link.Path());
        var (directoryPath, through) = ShownThrough(link.Target, lower);
        if (through is null || lower.FindEntry(directoryPath, link.Target[^1], through) is not { } found)
        {
            throw new TarFormatException($"a hard link's target '{shown}' is neither in this layer nor below");
        }

        using var directory = found.Directory;
        if (found.Status.Kind != FileKind.Regular)
        {
            throw new TarFormatException($"a hard link's target '{shown}' in a lower layer is not a regular file");
        }

        CopyUp(directory, link.Target[^1], found.Status, link.Placeholder);
        var parent = _tree.ParentOf(link.Target);
        var fd = _tree.Open(parent);
        if (fd.TryStat(link.Target[^1]) is null) fd.MakeLink(link.Target[^1], link.Placeholder);
    }

    /// <summary>The layers that show through at the target's directory; null when this layer hides them.</summary>
    private (byte[] Directory, IReadOnlyList<int>? Through) ShownThrough(ImmutableArray<FileName> target, LowerLayers lower)
    {
        LayerDirectory? own = _tree.Root;
        var through = lower.All;
        var path = new List<byte>();
        foreach (var name in target.AsSpan()[..^1])
        {
            if (path.Count > 0) path.Add((byte)'/');
            path.AddRange(name.Bytes);
            var next = own is null ? null : _tree.Child(own, name);
            if (next is { Opaque: true }) return ([], null);
            if (next is null && own is not null && _tree.Open(own).TryStat(name) is not null) return ([], null);
            own = next;
            through = lower.At([.. path], through);
        }

        return (path.Count == 0 ? "."u8.ToArray() : [.. path], through);
    }

    private static void CopyUp(SafeDirFd directory, FileName name, FileStatus status, SafeFileHandle target)
    {
        using var source = directory.TryOpenFile(name) ?? throw new LinuxException("openat2", Errno.ENOENT, name.ToString());
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            var offset = 0L;
            for (int count; (count = RandomAccess.Read(source, buffer, offset)) > 0; offset += count)
            {
                if (buffer.AsSpan(0, count).ContainsAnyExcept((byte)0)) FileMetadata.Write(target, buffer.AsSpan(0, count), offset);
            }

            FileMetadata.SetSize(target, offset);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        FileMetadata.SetOwner(target, status.Uid, status.Gid);
        foreach (var attribute in directory.ListXattrs(name))
        {
            if (XattrPolicy.IsCopied(attribute)) FileMetadata.SetXattr(target, attribute, directory.TryGetXattr(name, attribute));
        }

        FileMetadata.SetMode(target, status.Mode);
        FileMetadata.SetTimes(target, status.AccessTime, status.ModifyTime);
    }

    private sealed record LowerLink(SafeFileHandle Placeholder, ImmutableArray<FileName> Target)
    {
        public byte[] Path() => Target.SelectMany((n, i) => i == 0 ? n.Bytes.ToArray() : [(byte)'/', .. n.Bytes]).ToArray();
    }
}
