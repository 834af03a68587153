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

    /// <summary>All of it in one go; see <see cref="TreeMeasurement"/>.</summary>
    public static (long AllocatedBytes, long Inodes) Measure(SafeDirFd top, CancellationToken cancellation = default)
    {
        using var measurement = new TreeMeasurement(top);
        while (measurement.Step()) cancellation.ThrowIfCancellationRequested();
        return (measurement.AllocatedBytes, measurement.Inodes);
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
    internal static SafeDirFd? TryEnter(SafeDirFd top, byte[] path)
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
