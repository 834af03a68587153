using System.Globalization;

namespace ShimRuntime.Linux;

/// <summary>
/// Deletes and measures whole trees by directory descriptors: no path is built, no link followed, no mount crossed (a mount point inside
/// ends a deletion with EXDEV or EBUSY rather than emptying what is mounted).
/// </summary>
public static class DirectoryTree
{
    // A container may nest directories deeper than a process has descriptors: what lies deeper is moved up before it is deleted.
    private const int MaxDepth = 64;
    private const ResolveFlags Confined = ResolveFlags.Beneath | ResolveFlags.NoSymlinks | ResolveFlags.NoMounts;
    private static long _sequence;

    /// <summary>Deletes the entry and all below it. False when there was none.</summary>
    public static bool Remove(SafeDirFd parent, FileName name, CancellationToken cancellation = default)
    {
        if (parent.TryStat(name) is not { } status) return false;
        if (status.Kind != FileKind.Directory) return parent.Unlink(name);
        using (var top = parent.OpenDirectory(name))
        {
            while (!Empty(top, top, 0, cancellation))
            {
            }
        }

        return parent.RemoveDirectory(name);
    }

    /// <summary>
    /// Allocated bytes and inodes of a tree, the top directory included; a file with several names in it counts once. Directories whose
    /// path is longer than the kernel takes (4,095 bytes) are not entered. Entries that vanish meanwhile are passed over.
    /// </summary>
    public static (long AllocatedBytes, long Inodes) Measure(SafeDirFd top, CancellationToken cancellation = default)
    {
        var (bytes, inodes) = (top.Stat().AllocatedBytes, 1L);
        var linked = new HashSet<ulong>();
        var pending = new Stack<byte[]>();
        pending.Push("."u8.ToArray());
        while (pending.TryPop(out var path))
        {
            cancellation.ThrowIfCancellationRequested();
            using var directory = TryEnter(top, path);
            if (directory is null) continue;
            foreach (var entry in directory.List())
            {
                if (directory.TryStat(entry.Name) is not { } status) continue;
                if (status.Kind != FileKind.Directory && status.LinkCount > 1 && !linked.Add(status.Inode)) continue;
                bytes += status.AllocatedBytes;
                inodes++;
                if (status.Kind != FileKind.Directory || path.Length + entry.Name.Bytes.Length + 1 > 4095) continue;
                pending.Push([.. path, (byte)'/', .. entry.Name.Bytes]);
            }
        }

        return (bytes, inodes);
    }

    /// <summary>
    /// Empties a directory. False when something deeper than the limit was moved up into <paramref name="top"/>, which then needs another
    /// pass.
    /// </summary>
    private static bool Empty(SafeDirFd directory, SafeDirFd top, int depth, CancellationToken cancellation)
    {
        var complete = true;
        for (var entries = directory.ListSome(); entries.Count > 0; entries = directory.ListSome())
        {
            foreach (var entry in entries)
            {
                cancellation.ThrowIfCancellationRequested();
                if (entry.Kind != FileKind.Directory && TryUnlink(directory, entry.Name)) continue;
                complete &= EmptyChild(directory, entry.Name, top, depth, cancellation);
            }

            if (!complete && depth == 0) return false;
        }

        return complete;
    }

    private static bool EmptyChild(SafeDirFd directory, FileName name, SafeDirFd top, int depth, CancellationToken cancellation)
    {
        if (depth >= MaxDepth)
        {
            var moved = FileName.Create(string.Create(CultureInfo.InvariantCulture,
                $".deep-{Environment.ProcessId}-{Interlocked.Increment(ref _sequence)}"));
            directory.Rename(name, top, moved, RenameFlags.NoReplace);
            return false;
        }

        using var child = directory.TryOpenDirectory(name.Bytes, Confined);
        if (child is null) return true;
        var complete = Empty(child, top, depth + 1, cancellation);
        directory.RemoveDirectory(name);
        return complete;
    }

    // A live tree changes while it is measured: a directory may meanwhile be gone, be a link or be mounted on.
    private static SafeDirFd? TryEnter(SafeDirFd top, byte[] path)
    {
        try
        {
            return top.TryOpenDirectory(path, Confined);
        }
        catch (LinuxException e) when (e.ErrorNumber is Errno.ELOOP or Errno.EXDEV)
        {
            return null;
        }
    }

    private static bool TryUnlink(SafeDirFd directory, FileName name)
    {
        try
        {
            directory.Unlink(name);
            return true;
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.EISDIR)
        {
            return false;
        }
    }
}
