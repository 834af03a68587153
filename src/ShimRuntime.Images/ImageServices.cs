using Microsoft.Extensions.Logging;

namespace ShimRuntime.Images;

/// <summary>The room's one way in: opens what is on disk, collects what a crash left, and hands out the two services.</summary>
public sealed class ImageServices : IAsyncDisposable
{
    private ImageServices(IImageService images, ISnapshotStore snapshots)
    {
        Images = images;
        Snapshots = snapshots;
    }

    public IImageService Images { get; }

    public ISnapshotStore Snapshots { get; }

    /// <summary>Opens the state below <see cref="ImageOptions.Root"/>; only one process may do so at a time (the daemon's lock).</summary>
    public static Task<ImageServices> OpenAsync(ImageOptions options, ILoggerFactory loggers, CancellationToken daemon)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        daemon.ThrowIfCancellationRequested();
        throw new NotSupportedException("the image services are composed in the commit that lands the puller");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
