using System.Collections.Concurrent;
using System.Collections.Immutable;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Writable layers by container key. They are published without fsync: after a power loss no container runs on one, and what the rename
/// left behind is set aside or found again at the next start. The daemon's own crash loses nothing, the page cache survives it.
/// </summary>
internal sealed class SnapshotStore : ISnapshotStore, ILayerReferences
{
    private const long DirectoryBytes = 4096; // of an empty directory on the file systems that overlayfs takes for its upper layer

    private readonly SnapshotDirectory _directory;
    private readonly SnapshotReaper _reaper;
    private readonly LayerStore _layers;
    private readonly CollectorLock _collector;
    private readonly SingleFlight<string, Snapshot> _flights;
    private readonly ConcurrentDictionary<string, Writable> _writables = new();

    public SnapshotStore(SnapshotDirectory directory, SnapshotReaper reaper, LayerStore layers, CollectorLock collector,
        CancellationToken daemon)
    {
        (_directory, _reaper, _layers, _collector) = (directory, reaper, layers, collector);
        _flights = new SingleFlight<string, Snapshot>(daemon);
    }

    public Func<string, ulong?>? Activity { get; set; }

    public Action<IReadOnlyCollection<Digest>>? Released { get; set; }

    /// <summary>Takes in a writable layer that a start found on disk; all layers must have been adopted before.</summary>
    public void Adopt(string id, WritableRecord record)
    {
        if (!_writables.TryAdd(record.Key, new Writable(id, record, Describe(id, record)))) _directory.Retire(id, durable: false);
    }

    public Task<Snapshot> PrepareAsync(string key, ImageRecord image, IReadOnlyList<ImageRecord> mounted, CancellationToken cancellation) =>
        _flights.RunAsync(key, token => PrepareOnceAsync(key, image, mounted, token), cancellation);

    public Snapshot? Find(string key) => _writables.TryGetValue(key, out var writable) ? writable.Snapshot : null;

    public Task RemoveAsync(string key, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (!_writables.TryRemove(key, out var writable)) return Task.CompletedTask;
        try
        {
            _directory.Retire(writable.Id, durable: false);
        }
        catch
        {
            _writables.TryAdd(key, writable); // still there: the caller's retry must find it
            throw;
        }

        _reaper.Wake();
        Released?.Invoke([.. ChainsOf(writable.Record)]);
        return Task.CompletedTask;
    }

    public SnapshotUsage? Usage(string key) => _writables.TryGetValue(key, out var writable) ? writable.Usage?.Value : null;

    public IReadOnlyCollection<string> Keys() => _writables.Keys.ToList();

    public IReadOnlyCollection<Digest> ChainIdsInUse() => _writables.Values.SelectMany(w => ChainsOf(w.Record)).ToHashSet();

    /// <summary>What the usage walk goes over.</summary>
    internal IReadOnlyCollection<Writable> Writables() => _writables.Values.ToList();

    private async Task<Snapshot> PrepareOnceAsync(
        string key, ImageRecord image, IReadOnlyList<ImageRecord> mounted, CancellationToken cancellation)
    {
        // The read lock keeps the collector from retiring a layer between the check that it is there and the record that holds it.
        using var hold = await _collector.ReadAsync(cancellation).ConfigureAwait(false);
        var record = new WritableRecord(key, image.Id, image.ChainIds)
        {
            Mounted = mounted.Count == 0 ? null : [.. mounted.Select(m => m.ChainIds)],
        };
        if (_writables.TryGetValue(key, out var existing)) return Again(existing, record);
        var id = _directory.Stage(writable: true);
        try
        {
            var snapshot = Describe(id, record) ?? throw MissingLayer(record);
            CopyRootMetadata(snapshot.LowerDirs[0], id);
            var now = DateTimeOffset.UtcNow;
            var published = new SnapshotRecord { Schema = SnapshotRecord.CurrentSchema, CreatedAt = now, Writable = record };
            _directory.Publish(id, published, durable: false);
            var usage = new SnapshotUsage(now, DirectoryBytes, 1);
            _writables[key] = new Writable(id, record, snapshot) { Usage = new MeasuredUsage(usage, now, null) };
            return snapshot;
        }
        catch
        {
            _directory.Discard(id);
            throw;
        }
    }

    private static Snapshot Again(Writable existing, WritableRecord wanted)
    {
        if (!ChainsOf(existing.Record).SequenceEqual(ChainsOf(wanted)))
        {
            throw RuntimeFault.FailedPrecondition(
                $"failed to prepare snapshot '{wanted.Key}': it stands over image '{existing.Record.ImageId}' and mounts "
                + $"{MountedOf(existing.Record).Count()} images, where '{wanted.ImageId}' and {MountedOf(wanted).Count()} are asked for; remove it first");
        }

        return existing.Snapshot ?? throw MissingLayer(wanted);
    }

    private static IEnumerable<Digest> ChainsOf(WritableRecord record) => record.Chain.Concat(MountedOf(record).SelectMany(chain => chain));

    private static IEnumerable<ImmutableArray<Digest>> MountedOf(WritableRecord record) => record.Mounted ?? [];

    // The container's "/" shows the attributes of the upper directory, so these must be the image's.
    private void CopyRootMetadata(string topLayer, string id)
    {
        using var from = SafeDirFd.Open(topLayer);
        using var to = _directory.OpenStagedFs(id);
        DirectoryMetadata.Copy(from, to);
    }

    private Snapshot? Describe(string id, WritableRecord record)
    {
        if (_layers.LowerDirs(record.Chain) is not { } lower) return null;
        var mounted = ImmutableArray.CreateBuilder<ImmutableArray<string>>();
        foreach (var chain in MountedOf(record))
        {
            if (_layers.LowerDirs(chain) is not { } directories) return null;
            mounted.Add(directories.Length > 1 ? directories : directories.Add(_directory.EmptyFs));
        }

        return new Snapshot(record.Key, lower.IsEmpty ? [_directory.EmptyFs] : lower, _directory.FsOf(id), _directory.WorkOf(id))
        {
            Mounted = mounted.ToImmutable(),
        };
    }

    private static RuntimeFault MissingLayer(WritableRecord record) => RuntimeFault.FailedPrecondition(
        $"failed to prepare snapshot '{record.Key}': a layer of image '{record.ImageId}' or of one that is mounted is gone; pull the images again");

    /// <summary>A writable layer in memory.</summary>
    /// <param name="Snapshot">Null when one of its layers is gone: it can only be removed.</param>
    internal sealed record Writable(string Id, WritableRecord Record, Snapshot? Snapshot)
    {
        /// <summary>The last measurement; by the usage walk, save for a new layer, which holds its own directory and nothing else.</summary>
        public MeasuredUsage? Usage { get; set; }
    }

    /// <summary>A reference, so that readers see a whole measurement.</summary>
    /// <param name="Activity">The owner's, before the measurement began; null: not known, or never measured.</param>
    internal sealed record MeasuredUsage(SnapshotUsage Value, DateTimeOffset NextAt, ulong? Activity);
}
