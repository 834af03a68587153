using Microsoft.Extensions.Logging;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Garbage collection: what neither an image, nor a lease, nor a writable snapshot names is dead. The decision and the disappearance (a
/// rename, or the unlink of a small document) happen under the write lock; the trees are deleted after it.
/// </summary>
internal sealed class Collector(ImageParts parts, ILayerReferences snapshots, CollectorLock gate)
{
    public async Task CollectAsync(CancellationToken cancellation)
    {
        using (await gate.WriteAsync(cancellation).ConfigureAwait(false)) Retire();
        await parts.Layers.SweepAsync(cancellation).ConfigureAwait(false);
    }

    private void Retire()
    {
        var records = parts.Images.Records;
        var chains = new HashSet<Digest>(records.SelectMany(r => r.ChainIds));
        var blobs = new HashSet<Digest>(records.SelectMany(ImageStore.BlobsOf));
        parts.Leases.Expire(DateTimeOffset.UtcNow, lease => lease.ChainIds.All(chains.Contains) && lease.Blobs.All(blobs.Contains));
        var held = parts.Leases.Records;
        chains.UnionWith(held.SelectMany(r => r.ChainIds));
        chains.UnionWith(snapshots.ChainIdsInUse());
        blobs.UnionWith(held.SelectMany(r => r.Blobs));
        var deadChains = parts.Layers.ChainIds().Where(id => !chains.Contains(id)).ToList();
        var deadBlobs = parts.Content.Digests.Where(digest => !blobs.Contains(digest)).ToList();
        deadChains.ForEach(parts.Layers.Retire);
        deadBlobs.ForEach(parts.Content.Delete);
        if (deadChains.Count + deadBlobs.Count > 0)
            parts.Log.LogInformation(
                "Collected {Layers} layers and {Blobs} documents that nothing uses", deadChains.Count, deadBlobs.Count);
    }
}
