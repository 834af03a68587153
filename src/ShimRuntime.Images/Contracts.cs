namespace ShimRuntime.Images;

/// <summary>The images on this node. Lookups are lock-free reads of memory.</summary>
public interface IImageStore
{
    /// <summary>
    /// By id ("sha256:…", bare hex, or an unambiguous hex prefix of 12 and more), by tag or by digest reference; normalises like Docker.
    /// Null: unknown.
    /// </summary>
    ImageRecord? Find(string reference);

    IReadOnlyCollection<ImageRecord> List();
}

/// <summary>Writable layers, each held by a lease of its own name until removed.</summary>
public interface ISnapshotStore
{
    /// <summary>
    /// Makes (or, after a crash, finds again) the writable layer <paramref name="key"/> over the image. FailedPrecondition when a layer is
    /// gone.
    /// </summary>
    Task<Snapshot> PrepareAsync(string key, ImageRecord image, CancellationToken cancellation) => PrepareAsync(key, image, [], cancellation);

    /// <summary>The same; the layers of <paramref name="mounted"/> are held by it, too, for as long as the writable layer is there.</summary>
    Task<Snapshot> PrepareAsync(string key, ImageRecord image, IReadOnlyList<ImageRecord> mounted, CancellationToken cancellation);

    /// <summary>Null: unknown.</summary>
    Snapshot? Find(string key);

    /// <summary>Deletes the writable layer; one that is not there is no error. The caller has unmounted it.</summary>
    Task RemoveAsync(string key, CancellationToken cancellation);

    /// <summary>
    /// Bytes and inodes of the writable layer, from a cache that a slow background walk refreshes; null: no such layer.
    /// </summary>
    SnapshotUsage? Usage(string key);

    /// <summary>
    /// Asked by key for a number that changes whenever the layer may have: a layer whose number stands still is not measured again. Null, or an
    /// answer of null: it may change at any time.
    /// </summary>
    Func<string, ulong?>? Activity { get; set; }

    /// <summary>Keys of all writable layers on disk: recovery compares them with its records.</summary>
    IReadOnlyCollection<string> Keys();
}

public readonly record struct SnapshotUsage(DateTimeOffset MeasuredAt, long UsedBytes, long InodesUsed);

/// <summary>What the CRI ImageService and the operator API call. Throws RuntimeFault with exact codes.</summary>
public interface IImageService : IImageStore
{
    /// <summary>
    /// Fetches and applies; a second caller for the same (reference, credentials) joins. <paramref name="progress"/> may be called from any
    /// thread.
    /// </summary>
    Task<ImageRecord> PullAsync(PullRequest request, IProgress<PullProgress>? progress, CancellationToken cancellation);

    /// <summary>Removes every tag of the image that <paramref name="reference"/> names; unknown is no error.</summary>
    Task RemoveAsync(string reference, CancellationToken cancellation);

    /// <summary>OCI layout or docker-archive tar, plain, gzip or zstd.</summary>
    Task<IReadOnlyList<ImageRecord>> ImportAsync(Stream archive, string? reference, CancellationToken cancellation);

    ImageFilesystemUsage FilesystemUsage();

    /// <summary>
    /// Asked by id who else needs an image, in words that fit behind "it is pinned ": null for nobody. Such an image is listed as pinned and not
    /// removed, as if the configuration named it.
    /// </summary>
    Func<string, string?>? PinnedBy { get; set; }
}

public sealed record RegistryCredentials(
    string? Username, string? Password, string? Auth, string? ServerAddress, string? IdentityToken, string? RegistryToken);

public sealed record PullRequest(string Reference, RegistryCredentials? Credentials);

public sealed record LayerProgress(string Digest, string Phase, long FetchedBytes, long TotalBytes);

public sealed record PullProgress(IReadOnlyList<LayerProgress> Layers);

public sealed record ImageFilesystemUsage(string Mountpoint, long UsedBytes, long InodesUsed, DateTimeOffset MeasuredAt);
