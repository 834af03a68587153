using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Layers that writable snapshots stand on, for the collector: the snapshot's own record (snapshot.json names its chain ids, durable before
/// PrepareAsync returns) is the lease. Implemented by the snapshot store.
/// </summary>
public interface ILayerReferences
{
    /// <summary>Chain ids under all writable layers. Read from memory, under the collector's write lock.</summary>
    IReadOnlyCollection<Digest> ChainIdsInUse();

    /// <summary>Told of the chains that a writable layer no longer holds: of an image that was removed meanwhile nobody else may name them.</summary>
    Action<IReadOnlyCollection<Digest>>? Released { get; set; }
}
