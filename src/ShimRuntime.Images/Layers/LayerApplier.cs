using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Unpacks one layer archive into an overlay diff directory, without looking at the layers below; <see cref="Complete"/> then settles what
/// only they can tell. The archive is hostile until its digest is checked: each entry is made by one <see cref="FileName"/> in a directory
/// descriptor of <see cref="LayerTree"/>, never over an existing inode, so nothing outside the directory can be reached or changed.
/// </summary>
/// <remarks>
/// Per entry: 1. name to components; 2. parent directory, made where missing; 3. whiteouts; 4. what stands in the way is removed (the last
/// member of a name wins); 5. inode, content, owner, attributes, mode, times, in this order (chown clears set-id bits and capabilities).
/// Directory times come last of all. One user, one thread at a time.
/// </remarks>
internal sealed partial class LayerApplier : IDisposable
{
    private const uint FifoType = (uint)FileKind.Fifo;
    private const uint CharacterType = (uint)FileKind.CharacterDevice;
    private const uint BlockType = (uint)FileKind.BlockDevice;
    private readonly LayerLimits _limits;
    private readonly LayerTree _tree;
    private readonly SafeDirFd _root;
    private readonly SortedSet<string> _droppedXattrs = new(StringComparer.Ordinal);
    private byte[] _parentName = [];
    private LayerDirectory? _parent;
    private int _hidden;

    /// <param name="root">An empty directory; stays the caller's and must outlive this.</param>
    public LayerApplier(SafeDirFd root, LayerLimits limits)
    {
        _root = root;
        _limits = limits;
        _tree = new LayerTree(root, limits);
    }

    /// <summary>Names of attributes that the policy dropped, or the file system does not have; at most a few.</summary>
    public IReadOnlyCollection<string> DroppedXattrs => _droppedXattrs;

    /// <summary>
    /// The archive hides everything below its root. overlayfs has no mark for that: no lower layer may be mounted under this one.
    /// </summary>
    public bool HidesAllBelow => _tree.Root.Opaque;

    /// <summary>
    /// Reads the archive to the end of the stream. Throws RuntimeFault: InvalidArgument for an archive that is refused, ResourceExhausted
    /// when the disk is full.
    /// </summary>
    public async Task ApplyAsync(Stream tar, CancellationToken cancellation)
    {
        TarEntry? entry = null;
        try
        {
            await using var input = new TarInput(tar, _limits.MaxTotalBytes, cancellation);
            var reader = new TarReader(input, _limits);
            while ((entry = await reader.NextAsync().ConfigureAwait(false)) is not null)
            {
                cancellation.ThrowIfCancellationRequested();
                await ApplyEntryAsync(entry, reader, cancellation).ConfigureAwait(false);
            }

            await input.DrainAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is TarFormatException or LinuxException)
        {
            throw LayerFault.Of(e, entry?.Name);
        }
    }

    public void Dispose()
    {
        _tree.Dispose();
        foreach (var link in _lowerLinks) link.Placeholder.Dispose();
    }

    private ValueTask ApplyEntryAsync(TarEntry entry, TarReader reader, CancellationToken cancellation)
    {
        if (!TryUseLastParent(entry.Name, out var parent, out var name))
        {
            var path = MemberPath.Parse(entry.Name, _limits);
            if (path.IsEmpty)
            {
                ApplyRoot(entry);
                return default;
            }

            // What AUFS keeps for itself is no content, nor is what lies below it.
            if (path.Any(Whiteout.IsAufsMetadata)) return default;
            (parent, name) = (_tree.ParentOf(path), path[^1]);
            RememberParent(entry.Name, parent);
        }

        if (Whiteout.HasPrefix(name))
        {
            ApplyWhiteout(parent, name);
            return default;
        }

        if (entry is { Kind: TarEntryKind.CharacterDevice, DeviceMajor: 0, DeviceMinor: 0 })
        {
            Delete(parent, name); // overlayfs's own form of a whiteout, as an archive of an upper directory has it
            return default;
        }

        if (entry.Kind == TarEntryKind.Directory) ApplyDirectory(parent, name, entry, cancellation);
        else if (entry.Kind == TarEntryKind.HardLink) ApplyHardLink(parent, name, entry, cancellation);
        else return ApplyLeafAsync(parent, name, entry, reader, cancellation);
        return default;
    }

    private void ApplyWhiteout(LayerDirectory parent, FileName name)
    {
        if (Whiteout.IsOpaqueMark(name)) _tree.MakeOpaque(parent);
        else if (!Whiteout.IsAufsMetadata(name)) Delete(parent, Whiteout.Target(name));
    }

    /// <summary>
    /// Hides a name of lower layers. What this same layer has of that name stays, wherever the whiteout stands in the archive.
    /// </summary>
    private void Delete(LayerDirectory parent, FileName name)
    {
        if (_tree.Child(parent, name) is { } directory)
        {
            directory.Fresh = true;
            _tree.MakeOpaque(directory);
            return;
        }

        var fd = _tree.Open(parent);
        if (fd.TryStat(name) is null) fd.MakeNode(name, CharacterType);
    }

    private void ApplyRoot(TarEntry entry)
    {
        if (entry.Kind != TarEntryKind.Directory) throw new TarFormatException("the layer's root is not a directory");
        Describe(_tree.Root, entry);
    }

    private void ApplyDirectory(LayerDirectory parent, FileName name, TarEntry entry, CancellationToken cancellation)
    {
        var directory = _tree.Child(parent, name);
        if (directory is null)
        {
            var status = _tree.Open(parent).TryStat(name);
            if (status is { IsWhiteout: true })
            {
                directory = _tree.MakeOverWhiteout(parent, name);
            }
            else
            {
                if (status is not null) Clear(parent, name, cancellation);
                directory = _tree.Make(parent, name);
            }
        }

        Describe(directory, entry);
    }

    private void Describe(LayerDirectory directory, TarEntry entry)
    {
        var fd = _tree.Open(directory);
        if (!directory.Implied) RemoveXattrs(fd);
        directory.Implied = false;
        directory.ModifyTime = entry.ModifyTime;
        fd.SetOwner(entry.Uid, entry.Gid);
        directory.DefaultAcl = null;
        SetXattrs(entry, FileKind.Directory, (key, value) =>
        {
            if (key.SequenceEqual(XattrPolicy.DefaultAcl)) directory.DefaultAcl = value.ToArray();
            else fd.SetXattr(key, value);
        });
        fd.SetMode(entry.Mode);
    }

    /// <summary>Makes room for a new inode: an existing one is never written to, it may have other names.</summary>
    private void Clear(LayerDirectory parent, FileName name, CancellationToken cancellation)
    {
        _parent = null; // a remembered name may have led through what goes now
        if (_tree.Child(parent, name) is { } directory) _tree.Remove(directory, cancellation);
        else _tree.Open(parent).Unlink(name);
    }

    /// <summary>Most members stand in the directory of the one before: then nothing is parsed but the last component.</summary>
    private bool TryUseLastParent(ReadOnlySpan<byte> member, out LayerDirectory parent, out FileName name)
    {
        var trimmed = member.TrimEnd((byte)'/');
        var slash = trimmed.LastIndexOf((byte)'/');
        parent = _parent!;
        name = default;
        return _parent is not null && slash >= 0 && trimmed[..slash].SequenceEqual(_parentName)
            && FileName.TryCreate(trimmed[(slash + 1)..], out name)
            && !Whiteout.IsAufsMetadata(name);
    }

    private void RememberParent(ReadOnlySpan<byte> member, LayerDirectory parent)
    {
        var trimmed = member.TrimEnd((byte)'/');
        var slash = trimmed.LastIndexOf((byte)'/');
        (_parentName, _parent) = slash < 0 ? ([], null) : (trimmed[..slash].ToArray(), parent);
    }
}
