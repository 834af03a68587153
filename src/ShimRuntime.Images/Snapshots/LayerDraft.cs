using System.Collections.Immutable;
using System.Globalization;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>One staged layer, from its first byte to its commit or its deletion.</summary>
internal sealed class LayerDraft : ILayerDraft
{
    private readonly LayerStore _store;
    private readonly string _id;
    private readonly SafeDirFd _fs;
    private readonly LayerApplier _applier;
    private bool _committed;
    private bool _disposed;

    public LayerDraft(LayerStore store, string id, LayerLimits limits)
    {
        (_store, _id) = (store, id);
        _fs = store.OpenStagedFs(id);
        _applier = new LayerApplier(_fs, limits);
    }

    public LayerUsage Usage { get; private set; }

    public async Task UnpackAsync(Stream tar, CancellationToken cancellation)
    {
        await _applier.ApplyAsync(tar, cancellation).ConfigureAwait(false);
        Usage = Measure(cancellation);
    }

    public Task CommitAsync(ImmutableArray<Digest> chain, Digest diffId, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (chain.IsDefaultOrEmpty) throw new ArgumentException("a chain holds at least the layer itself", nameof(chain));
        return Task.Run(() => Commit(chain, diffId, cancellation), cancellation); // syncfs may take seconds
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        _applier.Dispose();
        _fs.Dispose();
        if (!_committed) await Task.Run(() => _store.Discard(_id)).ConfigureAwait(false);
    }

    private void Commit(ImmutableArray<Digest> chain, Digest diffId, CancellationToken cancellation)
    {
        if (_committed || _store.Exists(chain[^1])) return;
        var lower = _store.LowerDirs(chain[..^1]) ?? throw RuntimeFault.FailedPrecondition(string.Create(CultureInfo.InvariantCulture,
            $"failed to commit layer '{diffId}': one of the {chain.Length - 1} layers under it is gone; pull the image again"));
        _applier.Complete(lower, cancellation);
        if (_applier.HasLowerLinks) Usage = Measure(cancellation);
        _store.Publish(_id, new LayerRecord(chain[^1], diffId, Usage.Bytes, Usage.Inodes, _applier.HidesAllBelow), _applier.DroppedXattrs);
        _committed = true;
    }

    private LayerUsage Measure(CancellationToken cancellation)
    {
        var (bytes, inodes) = DirectoryTree.Measure(_fs, cancellation);
        return new LayerUsage(bytes, inodes);
    }
}
