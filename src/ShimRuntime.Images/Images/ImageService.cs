using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// What CRI and the operator API call. An image of which a layer has gone (somebody deleted its directory) is neither found nor listed, so
/// that kubelet pulls it again; the pull brings only what is missing.
/// </summary>
internal sealed class ImageService(
    ImageParts parts, Puller puller, Importer importer, BackgroundCollector collector, ImageFilesystem filesystem) : IImageService
{
    public Func<string, string?>? PinnedBy { get; set; }

    public ImageRecord? Find(string reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        var record = parts.Images.Find(reference);
        if (record is null || IsWhole(record)) return record is null ? null : WithPin(record);
        parts.Log.LogWarning(
            "Image {Id} ({Reference}) has lost a layer: it counts as absent until it is pulled again", record.Id, reference);
        return null;
    }

    public IReadOnlyCollection<ImageRecord> List() => [.. parts.Images.Records.Where(IsWhole).Select(WithPin)];

    public async Task<ImageRecord> PullAsync(PullRequest request, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            return await puller.PullAsync(request, progress, cancellation).ConfigureAwait(false);
        }
        finally
        {
            collector.Request();
        }
    }

    /// <summary>Containers of the image go on: their writable snapshots hold the layers until they are removed.</summary>
    public Task RemoveAsync(string reference, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if (parts.Images.Find(reference) is not { } record)
        {
            if (!IsIdLike(reference)) ImageReference.Parse(reference);
            return Task.CompletedTask;
        }

        if (record.Pinned)
            throw RuntimeFault.FailedPrecondition(
                $"failed to remove image '{reference}': it is pinned; take it out of pinned_images in the configuration first");
        if (PinnedBy?.Invoke(record.Id) is { } who)
            throw RuntimeFault.FailedPrecondition($"failed to remove image '{reference}': it is pinned {who}; try again later");
        if (parts.Images.Remove(record.Id))
            parts.Log.LogInformation("Removed image {Id} with its names {Tags}", record.Id, string.Join(", ", record.RepoTags));
        collector.Request();
        return Task.CompletedTask;
    }

    public async Task<IReadOnlyList<ImageRecord>> ImportAsync(Stream archive, string? reference, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(archive);
        try
        {
            var name = string.IsNullOrEmpty(reference) ? null : ImageReference.Parse(reference);
            return await importer.ImportAsync(archive, name, cancellation).ConfigureAwait(false);
        }
        finally
        {
            collector.Request();
        }
    }

    public ImageFilesystemUsage FilesystemUsage() => filesystem.Usage();

    private ImageRecord WithPin(ImageRecord record) => record.Pinned || PinnedBy?.Invoke(record.Id) is null ? record : record with { Pinned = true };

    private bool IsWhole(ImageRecord record) => record.ChainIds.All(parts.Layers.Exists);

    private static bool IsIdLike(string reference)
    {
        var hex = reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference[7..] : reference;
        return hex.Length is >= 12 and <= 64 && !hex.AsSpan().ContainsAnyExcept("0123456789abcdef");
    }
}
