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
}
