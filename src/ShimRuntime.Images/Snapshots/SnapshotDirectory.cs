using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// The directory snapshots/ on disk. Ids are small numbers, so that a hundred of their paths fit into one page of overlay options.
/// <code>
/// snapshots/17/{fs,snapshot.json}        a committed layer
/// snapshots/18/{fs,work,snapshot.json}   a writable layer
/// snapshots/.new-19/                     being made; belongs to a draft of this process, or to nobody
/// snapshots/.old-17/                     being deleted
/// snapshots/.bad-16/                     its record could not be read: kept for the operator
/// snapshots/empty/fs                     under images without layers
/// </code>
/// A rename is what makes a directory appear and disappear; a name without prefix is always whole.
/// </summary>
internal sealed class SnapshotDirectory : IDisposable
{
    public const string Staged = ".new-", Retired = ".old-", Unreadable = ".bad-";
    private const string RecordName = "snapshot.json";
    private const uint PrivateMode = 0x1C0; // 0700
    private static readonly FileName FsName = FileName.Create("fs");
    private static readonly FileName WorkName = FileName.Create("work");
    private static readonly FileName EmptyName = FileName.Create("empty");

    private readonly ILogger _log;
    private readonly SafeDirFd _directory;
    private readonly ConcurrentDictionary<string, bool> _live = new();
    private long _lastId;

    /// <param name="root">The daemon's durable root; snapshots/ is made below it, 0700.</param>
    public SnapshotDirectory(string root, ILogger log)
    {
        _log = log;
        Root = Path.Combine(root, "snapshots");
        PrivateDirectory.Create(Root);
        _directory = SafeDirFd.Open(Root);
        using var empty = OpenOrMake(_directory, EmptyName, PrivateMode);
        using var fs = OpenOrMake(empty, FsName, 0x1ED);
        var ids = _directory.List().Select(e => e.Name.ToString()).Select(n => n[(n.LastIndexOf('-') + 1)..]);
        foreach (var id in ids.Where(IsId)) _lastId = Math.Max(_lastId, long.Parse(id, CultureInfo.InvariantCulture));
    }

    public string Root { get; }

    public string EmptyFs => FsOf("empty");

    public string FsOf(string id) => Path.Combine(Root, id, "fs");

    public string WorkOf(string id) => Path.Combine(Root, id, "work");

    /// <summary>Directories and their records, as a start finds them. What has no readable record is taken out of the way.</summary>
    public IEnumerable<(string Id, SnapshotRecord Record)> Load()
    {
        foreach (var id in _directory.List().Select(e => e.Name.ToString()).Where(IsId).ToList())
        {
            if (TryRead(id) is { } record) yield return (id, record);
        }
    }

    /// <summary>
    /// A new directory with fs/ (0755 root), and work/ for a writable layer. It belongs to the caller until <see cref="Publish"/> or <see
    /// cref="Discard"/>.
    /// </summary>
    public string Stage(bool writable)
    {
        var id = Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);
        _live[id] = true;
        try
        {
            using var staged = OpenOrMake(_directory, Name(Staged, id), PrivateMode);
            using var fs = OpenOrMake(staged, FsName, 0x1ED);
            if (writable) OpenOrMake(staged, WorkName, PrivateMode).Dispose();
            return id;
        }
        catch
        {
            Discard(id); // on a full disk the first half of it would stay until the next start
            throw;
        }
    }

    /// <summary>The staged directory's fs/.</summary>
    public SafeDirFd OpenStagedFs(string id)
    {
        using var staged = _directory.OpenDirectory(Name(Staged, id));
        return staged.OpenDirectory(FsName);
    }

    /// <summary>Writes the record and makes the directory appear under its id.</summary>
    /// <param name="durable">
    /// Contents and record are on disk before the rename (one syncfs for the whole tree, which ends writeback errors too) and the rename
    /// before this returns: no power loss leaves an empty file under a committed name.
    /// </param>
    public void Publish(string id, SnapshotRecord record, bool durable)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(record, SnapshotJson.Default.SnapshotRecord);
        DurableFile.WriteVolatile(Path.Combine(Root, Staged + id, RecordName), json);
        if (durable) _directory.SyncFilesystem();
        _directory.Rename(Name(Staged, id), _directory, FileName.Create(id), RenameFlags.NoReplace);
        if (durable) SyncPublished(id);
        _live.TryRemove(id, out _);
    }

    /// <summary>One that may not last is its owner's again, to be given up.</summary>
    private void SyncPublished(string id)
    {
        try
        {
            _directory.Sync();
        }
        catch (LinuxException)
        {
            _directory.Rename(FileName.Create(id), _directory, Name(Staged, id), RenameFlags.NoReplace);
            throw;
        }
    }

    /// <summary>Takes a published directory out of sight; <see cref="DeleteLeftovers"/> deletes it.</summary>
    public void Retire(string id, bool durable)
    {
        _directory.Rename(FileName.Create(id), _directory, Name(Retired, id), RenameFlags.NoReplace);
        if (durable) _directory.Sync();
    }

    /// <summary>Gives a staged directory up.</summary>
    public void Discard(string id)
    {
        _ = TryDelete(Name(Staged, id), CancellationToken.None);
        _live.TryRemove(id, out _); // last: until then the background deletion keeps off
    }

    /// <summary>Deletes what was retired, and what was staged by a process that is gone; false: not all of it. One caller at a time.</summary>
    public bool DeleteLeftovers(CancellationToken cancellation)
    {
        if (TryList() is not { } entries) return false;
        var isClean = true;
        foreach (var entry in entries)
        {
            var name = entry.Name.ToString();
            var dead = name.StartsWith(Retired, StringComparison.Ordinal)
                || (name.StartsWith(Staged, StringComparison.Ordinal) && !_live.ContainsKey(name[Staged.Length..]));
            if (dead) isClean &= TryDelete(entry.Name, cancellation);
        }

        return isClean;
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>Null when they can't be read: the background deletion must outlive a bad moment of the disk.</summary>
    private List<DirectoryEntry>? TryList()
    {
        try
        {
            return _directory.List();
        }
        catch (LinuxException e)
        {
            _log.LogWarning("failed to list '{Root}': {Cause}; it is tried again soon", Root, e.Message);
            return null;
        }
    }

    private bool TryDelete(FileName name, CancellationToken cancellation)
    {
        try
        {
            DirectoryTree.Remove(_directory, name, cancellation);
            return true;
        }
        catch (LinuxException e)
        {
            _log.LogWarning("failed to delete '{Root}/{Name}': {Cause}; it is tried again soon", Root, name, e.Message);
            return false;
        }
    }

    private SnapshotRecord? TryRead(string id)
    {
        var path = Path.Combine(Root, id, RecordName);
        try
        {
            var json = File.ReadAllBytes(path);
            if (JsonSerializer.Deserialize(json, SnapshotJson.Default.SnapshotRecord) is { Schema: SnapshotRecord.CurrentSchema } record
                && (record.Layer is null) != (record.Writable is null)) return record;
            throw new InvalidDataException("it is neither a layer nor a writable layer of a schema that this version knows");
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or FileNotFoundException)
        {
            SetAside(id, path, e);
            return null;
        }
    }

    // Writable layers are published without fsync: after a power loss an empty or torn record may be all that is left of one, and nobody
    // runs on it.
    private void SetAside(string id, string path, Exception cause)
    {
        var isEmpty = !File.Exists(path) || new FileInfo(path).Length == 0;
        var nothingLeft = isEmpty || (cause is JsonException && Directory.Exists(WorkOf(id)) && !OverlayMount.MayBeUpper(FsOf(id)));
        _directory.Rename(FileName.Create(id), _directory, Name(nothingLeft ? Retired : Unreadable, id), RenameFlags.NoReplace);
        _log.LogWarning("snapshot '{Id}' is left out: {Path} can't be read: {Cause}; {Fate}", id, path, cause.Message,
            nothingLeft ? "it is deleted" : $"it is kept as '{Root}/{Unreadable}{id}' and may be deleted");
    }

    private static SafeDirFd OpenOrMake(SafeDirFd parent, FileName name, uint mode)
    {
        if (parent.TryOpenDirectory(name) is { } existing) return existing;
        parent.MakeDirectory(name, mode);
        var made = parent.OpenDirectory(name);
        made.SetMode(mode);
        return made;
    }

    private static FileName Name(string prefix, string id) => FileName.Create(prefix + id);

    private static bool IsId(string name) => name.Length is > 0 and <= 18 && !name.AsSpan().ContainsAnyExceptInRange('0', '9');
}
