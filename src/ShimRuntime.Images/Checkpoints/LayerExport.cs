using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// One walk over a writable layer by directory descriptors: every entry as a tar member, every whiteout as a deleted path. An opaque
/// directory hides what the layers below have there: each of those names is a deleted path.
/// </summary>
internal sealed class LayerExport(Snapshot snapshot, TarOutput tar, CancellationToken cancellation) : IDisposable
{
    private static readonly LayerLimits Limits = new();
    private static readonly UTF8Encoding StrictUtf8 = new(false, true);
    private readonly LowerLayers _lower = new(snapshot.LowerDirs);
    private readonly Dictionary<ulong, byte[]> _links = [];
    private readonly List<string> _deleted = [];

    private static ReadOnlySpan<byte> Redirect => "trusted.overlay.redirect"u8;

    private static ReadOnlySpan<byte> Metacopy => "trusted.overlay.metacopy"u8;

    public async Task<IReadOnlyList<string>> RunAsync()
    {
        using var root = SafeDirFd.Open(snapshot.UpperDir);
        await tar.WriteHeaderAsync(Entry(TarEntryKind.Directory, "./"u8, root.Stat(), Xattrs(root)), cancellation).ConfigureAwait(false);
        await WalkAsync(root, [], 0, false).ConfigureAwait(false);
        await tar.FinishAsync(cancellation).ConfigureAwait(false);
        return _deleted;
    }

    public void Dispose() => _lower.Dispose();

    /// <param name="hidden">A directory above is opaque, so the layers below don't show through here whatever this one says.</param>
    private async Task WalkAsync(SafeDirFd directory, byte[] path, int depth, bool hidden)
    {
        if (depth > Limits.MaxDepth || path.Length > Limits.MaxNameBytes - FileName.MaxBytes)
            throw new TarFormatException("its directories are nested deeper than an archive may have them");
        foreach (var (name, _) in directory.List())
        {
            cancellation.ThrowIfCancellationRequested();
            if (directory.TryStat(name) is not { } status) continue;
            byte[] member = path.Length == 0 ? name.Bytes.ToArray() : [.. path, (byte)'/', .. name.Bytes];
            if (status.IsWhiteout) AddDeleted(member);
            else if (status.Kind == FileKind.Directory) await DirectoryAsync(directory, name, member, (depth, hidden)).ConfigureAwait(false);
            else await LeafAsync(directory, name, member, status).ConfigureAwait(false);
        }
    }

    private async Task DirectoryAsync(SafeDirFd parent, FileName name, byte[] member, (int Depth, bool Hidden) above)
    {
        using var directory = parent.OpenDirectory(name);
        if (directory.TryGetXattr(Redirect) is not null) throw Unspeakable(member, "was renamed by overlayfs itself");
        var entry = Entry(TarEntryKind.Directory, [.. member, (byte)'/'], directory.Stat(), Xattrs(directory));
        await tar.WriteHeaderAsync(entry, cancellation).ConfigureAwait(false);
        var hidden = above.Hidden || directory.TryGetXattr(Whiteout.OpaqueXattr) is [(byte)'y'];
        if (hidden) AddHiddenBelow(directory, member);
        await WalkAsync(directory, member, above.Depth + 1, hidden).ConfigureAwait(false);
    }

    private async Task LeafAsync(SafeDirFd directory, FileName name, byte[] member, FileStatus status)
    {
        if (status.Kind == FileKind.Socket) return; // bound by its process alone, and no archive can hold one
        if (status.LinkCount > 1 && !_links.TryAdd(status.Inode, member))
        {
            var link = Entry(TarEntryKind.HardLink, member, status, [], _links[status.Inode]);
            await tar.WriteHeaderAsync(link, cancellation).ConfigureAwait(false);
            return;
        }

        var xattrs = Xattrs(directory.ListXattrs(name), key => directory.TryGetXattr(name, key));
        if (status.Kind != FileKind.Regular)
        {
            var target = status.Kind == FileKind.Symlink ? directory.ReadLink(name) : [];
            await tar.WriteHeaderAsync(Entry(KindOf(status.Kind), member, status, xattrs, target), cancellation).ConfigureAwait(false);
            return;
        }

        if (directory.TryGetXattr(name, Metacopy) is not null) throw Unspeakable(member, "has its content in the image (metacopy)");
        using var file = directory.TryOpenFile(name) ?? throw new LinuxException("openat2", Errno.ENOENT, name.ToString());
        await tar.WriteHeaderAsync(Entry(TarEntryKind.File, member, status, xattrs), cancellation).ConfigureAwait(false);
        await tar.WriteContentAsync(file, status.SizeBytes, null, cancellation).ConfigureAwait(false);
    }

    private void AddHiddenBelow(SafeDirFd directory, byte[] path)
    {
        IReadOnlyList<int> through = _lower.All;
        for (var end = 0; end <= path.Length; end++)
        {
            if (end == path.Length || path[end] == (byte)'/') through = _lower.At(path[..end], through);
        }

        var names = new HashSet<FileName>();
        foreach (var layer in through)
        {
            using var below = _lower.Open(layer, path);
            names.UnionWith(below.List().Select(e => e.Name));
        }

        foreach (var name in names.Where(n => directory.TryStat(n) is null)) AddDeleted([.. path, (byte)'/', .. name.Bytes]);
    }

    private void AddDeleted(byte[] path)
    {
        try
        {
            _deleted.Add("/" + StrictUtf8.GetString(path));
        }
        catch (DecoderFallbackException)
        {
            throw Unspeakable(path, "was deleted and its name is no UTF-8");
        }
    }

    private static TarEntryKind KindOf(FileKind kind) => kind switch
    {
        FileKind.Symlink => TarEntryKind.Symlink,
        FileKind.Fifo => TarEntryKind.Fifo,
        FileKind.BlockDevice => TarEntryKind.BlockDevice,
        _ => TarEntryKind.CharacterDevice,
    };

    private static List<TarXattr> Xattrs(SafeDirFd directory) => Xattrs(directory.ListXattrs(), key => directory.TryGetXattr(key));

    private static List<TarXattr> Xattrs(IReadOnlyList<byte[]> names, Func<byte[], byte[]?> value) =>
        [.. names.Where(n => XattrPolicy.IsCopied(n)).Select(n => (Name: n, Value: value(n))).Where(x => x.Value is not null)
            .Select(x => new TarXattr(x.Name, x.Value!))];

    private static TarEntry Entry(
        TarEntryKind kind, ReadOnlySpan<byte> name, FileStatus status, IReadOnlyList<TarXattr> xattrs, byte[]? target = null) => new()
    {
        Kind = kind,
        Name = name.ToArray(),
        LinkTarget = target ?? [],
        Mode = status.Mode,
        Uid = status.Uid,
        Gid = status.Gid,
        ModifyTime = status.ModifyTime,
        SizeBytes = kind == TarEntryKind.File ? status.SizeBytes : 0,
        DeviceMajor = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice ? status.DeviceMajor : 0,
        DeviceMinor = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice ? status.DeviceMinor : 0,
        Xattrs = xattrs,
    };

    private static RuntimeFault Unspeakable(byte[] path, string why) =>
        RuntimeFault.FailedPrecondition($"failed to archive the container's files: '{PathBytes.Display(path)}' {why}, which an archive can't say");
}
