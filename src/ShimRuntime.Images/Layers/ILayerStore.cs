using System.Collections.Immutable;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// The read-only layers on this node, each an overlay diff directory keyed by chain id (image-spec config.md, "Layer ChainID") and shared by
/// all images over the same chain. Overlay diffs do not need their parents, so layers are unpacked side by side and committed base first.
/// The caller guarantees that one chain id is committed by one flow at a time (SingleFlight by chain id).
/// </summary>
public interface ILayerStore
{
    /// <summary>True when the layer is committed and its directory is still there (looked up on disk: an operator may have deleted it).</summary>
    bool Exists(Digest chainId);

    /// <summary>
    /// Unpacks one uncompressed layer tar into a staging directory of its own, turning whiteouts into overlayfs form. The bytes are not
    /// yet verified: they are a hostile archive until the caller has compared the diff id and commits. Reads the stream to its end
    /// (so that the digests over it are complete), also past the tar's end mark. Throws RuntimeFault InvalidArgument for an archive
    /// that escapes, breaks a limit or does not parse; nothing is left then.
    /// </summary>
    Task<ILayerDraft> UnpackAsync(Stream tar, CancellationToken cancellation);

    /// <summary>Bytes and inodes that a committed layer holds, as recorded at its commit; null: unknown chain id.</summary>
    LayerUsage? Usage(Digest chainId);

    /// <summary>Chain ids of all committed layers: what the collector compares with what is in use.</summary>
    IReadOnlyCollection<Digest> ChainIds();

    /// <summary>
    /// Takes a layer out of sight at once (a durable rename; Exists is false from here on), without the long deletion. Called under the
    /// collector's write lock. An unknown one is no error.
    /// </summary>
    void Retire(Digest chainId);

    /// <summary>Deletes what was retired, and staging directories that no live draft owns. May take long: called outside the collector's lock.</summary>
    Task SweepAsync(CancellationToken cancellation);
}

/// <summary>An unpacked layer that nobody can see yet. Disposed without a commit, it is deleted.</summary>
public interface ILayerDraft : IAsyncDisposable
{
    LayerUsage Usage { get; }

    /// <summary>
    /// Makes the layer durable and visible as <c>chain[^1]</c>: directories that the tar only implied (a file without its parents' entries) take
    /// owner, mode and xattrs from the nearest committed layer below that has them, then contents are synced before the rename.
    /// A chain id that is already committed wins: the draft is deleted and that is no error.
    /// </summary>
    /// <param name="chain">Chain ids base first, this layer's last; all before it are committed.</param>
    Task CommitAsync(ImmutableArray<Digest> chain, Digest diffId, CancellationToken cancellation);
}

/// <summary>Allocated bytes (512-byte blocks × 512) and inodes of one layer's tree.</summary>
public readonly record struct LayerUsage(long Bytes, long Inodes);
