using System.Collections.Immutable;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// The directories of the layer that is being unpacked. Parents are found in this table, name by name, and not by the kernel from a path;
/// a symbolic link among them is followed here, inside the layer ("/" and ".." stop at its root), as container runtimes do.
/// Nothing else writes to the tree meanwhile: its staging directory is private (0700).
/// </summary>
internal sealed class LayerTree : IDisposable
{
    private const int MaxSymlinks = 40; // the kernel's MAXSYMLINKS
    private const int OpenDirectories = 4;
    private const ResolveFlags Physical = ResolveFlags.Beneath | ResolveFlags.NoSymlinks | ResolveFlags.NoMounts;

    private readonly SafeDirFd _root;
    private readonly LayerLimits _limits;
    private readonly Dictionary<(LayerDirectory Parent, FileName Name), LayerDirectory> _children = [];
    private readonly List<LayerDirectory> _all = [];
    private readonly (LayerDirectory Directory, SafeDirFd Fd)?[] _open = new (LayerDirectory, SafeDirFd)?[OpenDirectories];
    private int _lastSlot;

    /// <param name="root">Stays the caller's.</param>
    public LayerTree(SafeDirFd root, LayerLimits limits)
    {
        _root = root;
        _limits = limits;
        Root = new LayerDirectory(null, default);
        _all.Add(Root);
    }

    public LayerDirectory Root { get; }

    /// <summary>Parents before children, removed ones among them.</summary>
    public IReadOnlyList<LayerDirectory> Directories => _all;

    /// <summary>The directory's descriptor: the tree's own, good while at most one other directory was opened since.</summary>
    public SafeDirFd Open(LayerDirectory directory)
    {
        if (directory.Parent is null) return _root;
        for (var slot = 0; slot < _open.Length; slot++)
        {
            if (_open[slot]?.Directory == directory) return _open[_lastSlot = slot]!.Value.Fd;
        }

        var path = directory.Path();
        var fd = _root.TryOpenDirectory(path, Physical) ?? throw new LinuxException("openat2", Errno.ENOENT, PathBytes.Display(path));
        _lastSlot = (_lastSlot + 1) % OpenDirectories; // never the one handed out last
        _open[_lastSlot]?.Fd.Dispose();
        _open[_lastSlot] = (directory, fd);
        return fd;
    }

    public LayerDirectory? Child(LayerDirectory parent, FileName name) => _children.GetValueOrDefault((parent, name));

    /// <summary>The directory that holds the last component, missing ones made on the way.</summary>
    public LayerDirectory ParentOf(ImmutableArray<FileName> path) => Walk(path, create: true)!;

    /// <summary>As <see cref="ParentOf"/>, but null when it does not exist in this layer.</summary>
    public LayerDirectory? FindParentOf(ImmutableArray<FileName> path) => Walk(path, create: false);

    /// <summary>Makes a directory where nothing is: 0755 root until a member or a lower layer says otherwise.</summary>
    public LayerDirectory Make(LayerDirectory parent, FileName name)
    {
        if (_all.Count >= _limits.MaxDirectories)
        {
            throw new TarFormatException($"the archive has more than {_limits.MaxDirectories} directories");
        }

        var directory = new LayerDirectory(parent, name);
        if (directory.Depth > _limits.MaxDepth) throw new TarFormatException($"a directory is nested deeper than {_limits.MaxDepth}");
        Open(parent).MakeDirectory(name);
        _children.Add((parent, name), directory);
        _all.Add(directory);

        // Explicitly: below a set-gid directory mkdir(2) passes group and bit on.
        var fd = Open(directory);
        fd.SetOwner(0, 0);
        fd.SetMode(0x1ED);
        return directory;
    }

    /// <summary>Makes a directory in the place of this layer's own whiteout: it shows nothing from below.</summary>
    public LayerDirectory MakeOverWhiteout(LayerDirectory parent, FileName name)
    {
        Open(parent).Unlink(name);
        var directory = Make(parent, name);
        directory.Fresh = true;
        MakeOpaque(directory);
        return directory;
    }

    public void MakeOpaque(LayerDirectory directory)
    {
        directory.Opaque = true;
        if (directory.Parent is not null) Open(directory).SetXattr(Whiteout.OpaqueXattr, "y"u8);
    }

    /// <summary>Deletes a directory and all below it, for a member that takes its place.</summary>
    public void Remove(LayerDirectory directory, CancellationToken cancellation)
    {
        directory.Removed = true;
        _children.Remove((directory.Parent!, directory.Name));
        DirectoryTree.Remove(Open(directory.Parent!), directory.Name, cancellation);
    }

    /// <summary>
    /// Call before reading <see cref="Directories"/> for the last time: passes <see cref="LayerDirectory.Removed"/> on to what was below.
    /// </summary>
    public void SpreadRemovals()
    {
        foreach (var directory in _all) directory.Removed |= directory.Parent is { Removed: true };
    }

    public void Dispose()
    {
        foreach (var slot in _open) slot?.Fd.Dispose();
    }

    private LayerDirectory? Walk(ImmutableArray<FileName> path, bool create)
    {
        var links = 0;
        var current = Root;
        for (var i = 0; i < path.Length - 1 && current is not null; i++) current = Step(current, path[i], create, ref links);
        return current;
    }

    private LayerDirectory? Step(LayerDirectory parent, FileName name, bool create, ref int links)
    {
        if (Child(parent, name) is { } known) return known;
        var fd = Open(parent);
        var status = fd.TryStat(name);
        if (status is { Kind: FileKind.Symlink }) return Follow(parent, fd.ReadLink(name), create, ref links);
        if (!create) return null;
        if (Whiteout.HasPrefix(name)) throw new TarFormatException($"'{name}' is a whiteout and can't hold entries");
        if (status is null) return Make(parent, name);
        if (status.Value.IsWhiteout) return MakeOverWhiteout(parent, name);
        throw new TarFormatException($"'{name}' is used as a directory and is none");
    }

    private LayerDirectory? Follow(LayerDirectory from, byte[] target, bool create, ref int links)
    {
        if (++links > MaxSymlinks) throw new TarFormatException("too many symbolic links in one name");
        var current = target is [(byte)'/', ..] ? Root : from;
        foreach (var range in target.AsSpan().Split((byte)'/'))
        {
            var part = target.AsSpan()[range];
            if (part.IsEmpty || part.SequenceEqual("."u8)) continue;
            if (part.SequenceEqual(".."u8))
            {
                current = current.Parent ?? Root;
                continue;
            }

            if (!FileName.TryCreate(part, out var name))
            {
                throw new TarFormatException("a symbolic link among a name's parents has a component over 255 bytes");
            }

            if (Step(current, name, create, ref links) is not { } next) return null;
            current = next;
        }

        return current;
    }
}
