using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>Committed layers by chain id. Lookups are reads of memory, but for <see cref="Exists"/>.</summary>
internal sealed class LayerStore : ILayerStore
{
    private readonly SnapshotDirectory _directory;
    private readonly SnapshotReaper _reaper;
    private readonly LayerLimits _limits;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<Digest, (string Id, LayerRecord Record)> _layers = new();

    public LayerStore(SnapshotDirectory directory, SnapshotReaper reaper, LayerLimits limits, TimeProvider time, ILogger log)
    {
        (_directory, _reaper, _limits, _time, _log) = (directory, reaper, limits, time, log);
    }

    /// <summary>Takes in a layer that a start found on disk; a second one of the same chain id is retired.</summary>
    public void Adopt(string id, LayerRecord record)
    {
        if (!_layers.TryAdd(record.ChainId, (id, record))) _directory.Retire(id, durable: false);
    }

    public bool Exists(Digest chainId) => _layers.TryGetValue(chainId, out var layer) && Directory.Exists(_directory.FsOf(layer.Id));

    public LayerUsage? Usage(Digest chainId) =>
        _layers.TryGetValue(chainId, out var layer) ? new LayerUsage(layer.Record.Bytes, layer.Record.Inodes) : null;

    public IReadOnlyCollection<Digest> ChainIds() => _layers.Keys.ToList();

    /// <summary>
    /// Diff directories of a chain, top first, ending with a layer that hides what is below it. Null when one is gone.
    /// </summary>
    public ImmutableArray<string>? LowerDirs(ImmutableArray<Digest> chain)
    {
        var directories = ImmutableArray.CreateBuilder<string>(chain.Length);
        for (var i = chain.Length - 1; i >= 0; i--)
        {
            if (!_layers.TryGetValue(chain[i], out var layer) || !Directory.Exists(_directory.FsOf(layer.Id))) return null;
            directories.Add(_directory.FsOf(layer.Id));
            if (layer.Record.HidesAllBelow) break;
        }

        return directories.ToImmutable();
    }

    public async Task<ILayerDraft> UnpackAsync(Stream tar, CancellationToken cancellation)
    {
        var draft = NewDraft();
        try
        {
            await draft.UnpackAsync(tar, cancellation).ConfigureAwait(false);
            return draft;
        }
        catch
        {
            await draft.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private LayerDraft NewDraft()
    {
        var id = _directory.Stage(writable: false);
        try
        {
            return new LayerDraft(this, id, _limits);
        }
        catch
        {
            _directory.Discard(id);
            throw;
        }
    }

    public void Retire(Digest chainId)
    {
        if (!_layers.TryRemove(chainId, out var layer)) return;
        var path = Path.Combine(_directory.Root, layer.Id);
        if (!Directory.Exists(path)) return;
        try
        {
            _directory.Retire(layer.Id, durable: true);
        }
        catch
        {
            if (Directory.Exists(path)) _layers.TryAdd(chainId, layer); // still there: the next collection must find it
            throw;
        }
    }

    public Task SweepAsync(CancellationToken cancellation) => _reaper.SweepAsync(cancellation);

    internal SafeDirFd OpenStagedFs(string id) => _directory.OpenStagedFs(id);

    internal void Discard(string id) => _directory.Discard(id);

    internal void Publish(string id, LayerRecord record, IReadOnlyCollection<string> droppedXattrs)
    {
        // An operator may have deleted the directory of a layer that is still in the table: the new one takes its place.
        Retire(record.ChainId);
        var published = new SnapshotRecord { Schema = SnapshotRecord.CurrentSchema, CreatedAt = _time.GetUtcNow(), Layer = record };
        _directory.Publish(id, published, durable: true);
        _layers[record.ChainId] = (id, record);
        if (droppedXattrs.Count == 0) return;
        _log.LogInformation("layer {DiffId}: extended attributes left out: {Names}", record.DiffId, string.Join(", ", droppedXattrs));
    }
}
