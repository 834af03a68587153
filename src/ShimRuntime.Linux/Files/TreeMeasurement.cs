namespace ShimRuntime.Linux;

/// <summary>
/// Measures a tree piece by piece, so that whoever wants to can pause in between: allocated bytes and inodes, the top directory included; a
/// file with several names in it counts once. By directory descriptors: no link is followed, no mount crossed. Directories whose path is longer
/// than the kernel takes (4,095 bytes) are not entered. Entries that vanish meanwhile are passed over.
/// </summary>
public sealed class TreeMeasurement(SafeDirFd top) : IDisposable
{
    private const int MaxPathBytes = 4095;
    private const int EntriesAtOnce = 256;
    private readonly HashSet<ulong> _linked = [];
    private readonly Stack<byte[]> _pending = new(["."u8.ToArray()]);
    private SafeDirFd? _directory;
    private byte[] _path = [];
    private List<DirectoryEntry> _entries = [];
    private int _next;

    public long AllocatedBytes { get; private set; } = top.Stat().AllocatedBytes;

    public long Inodes { get; private set; } = 1;

    /// <summary>Looks at some entries more; false when all have been.</summary>
    public bool Step()
    {
        if (_next >= _entries.Count && !TryEnterNext()) return false;
        for (var end = Math.Min(_entries.Count, _next + EntriesAtOnce); _next < end; _next++) Add(_entries[_next]);
        return true;
    }

    public void Dispose() => _directory?.Dispose();

    private void Add(DirectoryEntry entry)
    {
        if (_directory!.TryStat(entry.Name) is not { } status) return;
        if (status.Kind != FileKind.Directory && status.LinkCount > 1 && !_linked.Add(status.Inode)) return;
        AllocatedBytes += status.AllocatedBytes;
        Inodes++;
        if (status.Kind == FileKind.Directory && _path.Length + entry.Name.Bytes.Length < MaxPathBytes)
            _pending.Push([.. _path, (byte)'/', .. entry.Name.Bytes]);
    }

    private bool TryEnterNext()
    {
        while (_pending.TryPop(out var path))
        {
            _directory?.Dispose();
            _directory = DirectoryTree.TryEnter(top, path);
            if (_directory is null) continue;
            (_path, _entries, _next) = (path, _directory.List(), 0);
            return true;
        }

        return false;
    }
}
