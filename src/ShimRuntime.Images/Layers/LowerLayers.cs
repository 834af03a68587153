using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Images;

/// <summary>
/// The committed layers under a new one, seen as overlayfs would merge them. Which of them may still show through at a directory is kept as
/// a list of their numbers, top first, that only shrinks on the way down: <see cref="At"/>.
/// </summary>
internal sealed class LowerLayers : IDisposable
{
    private const ResolveFlags Physical = ResolveFlags.Beneath | ResolveFlags.NoSymlinks | ResolveFlags.NoMounts;
    private readonly List<SafeDirFd> _roots = [];

    /// <param name="directories">Their diff directories, top first.</param>
    public LowerLayers(IReadOnlyList<string> directories)
    {
        foreach (var path in directories) _roots.Add(SafeDirFd.Open(path));
        All = Enumerable.Range(0, _roots.Count).ToArray();
    }

    /// <summary>What shows through at the root.</summary>
    public IReadOnlyList<int> All { get; }

    /// <summary>
    /// Of the layers that show through at the parent, those that have this directory; ended by the first that hides the rest.
    /// </summary>
    public IReadOnlyList<int> At(byte[] path, IReadOnlyList<int> throughParent)
    {
        var through = new List<int>(throughParent.Count);
        foreach (var layer in throughParent)
        {
            using var inode = _roots[layer].TryOpen(path, O_PATH | O_NOFOLLOW, Physical);
            if (inode is null) continue;
            if (FileMetadata.Stat(inode).Kind != FileKind.Directory) break; // a whiteout or a file: the directories below it are hidden
            through.Add(layer);
            if (IsOpaque(layer, path)) break;
        }

        return through;
    }

    /// <summary>The directory in a layer that <see cref="At"/> named.</summary>
    public SafeDirFd Open(int layer, byte[] path) =>
        _roots[layer].TryOpenDirectory(path, Physical) ?? throw new LinuxException("openat2", Errno.ENOENT, PathBytes.Display(path));

    /// <summary>The topmost entry of that name; null when there is none, or a whiteout.</summary>
    public (SafeDirFd Directory, FileStatus Status)? FindEntry(byte[] directory, FileName name, IReadOnlyList<int> through)
    {
        foreach (var layer in through)
        {
            var fd = Open(layer, directory);
            if (fd.TryStat(name) is { } status)
            {
                if (!status.IsWhiteout) return (fd, status);
                fd.Dispose();
                return null;
            }

            fd.Dispose();
        }

        return null;
    }

    public void Dispose()
    {
        foreach (var root in _roots) root.Dispose();
    }

    private bool IsOpaque(int layer, byte[] path)
    {
        using var directory = Open(layer, path);
        return directory.TryGetXattr(Whiteout.OpaqueXattr) is [(byte)'y'];
    }
}
