using Microsoft.Extensions.Logging;

namespace ShimRuntime.Images;

/// <summary>The room's one way in: opens what is on disk, collects what a crash left, and hands out the two services.</summary>
public sealed class ImageServices : IAsyncDisposable
{
    private readonly BackgroundCollector _collector;
    private readonly IAsyncDisposable? _layers;

    private ImageServices(IImageService images, LayerParts layers, BackgroundCollector collector)
    {
        Images = images;
        Snapshots = layers.Snapshots;
        _collector = collector;
        _layers = layers.Owner;
    }

    public IImageService Images { get; }

    public ISnapshotStore Snapshots { get; }

    /// <summary>Opens the state below <see cref="ImageOptions.Root"/>; only one process may do so at a time (the daemon's lock).</summary>
    /// <param name="daemon">Ends pulls, imports and collection.</param>
    public static Task<ImageServices> OpenAsync(ImageOptions options, ILoggerFactory loggers, CancellationToken daemon)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        return Task.Run(() => Open(options, loggers, daemon), daemon);
    }

    private static ImageServices Open(ImageOptions options, ILoggerFactory loggers, CancellationToken daemon)
    {
        PrivateDirectory.Create(options.Root);
        var gate = new CollectorLock();
        var snapshots = SnapshotServices.Open(options.Root, gate, loggers, daemon);
        return Compose(options, new LayerParts(snapshots.Layers, snapshots.Snapshots, snapshots.References, gate) { Owner = snapshots }, loggers, daemon);
    }

    /// <summary>Everything but the layers and snapshots, over the given ones.</summary>
    internal static ImageServices Compose(ImageOptions options, LayerParts layers, ILoggerFactory loggers, CancellationToken daemon)
    {
        var log = loggers.CreateLogger("images");
        var pinned = options.PinnedImages.Select(name => ImageReference.Parse(name).ToString()).ToHashSet(StringComparer.Ordinal);
        var content = ContentStore.Open(options.Root, log);
        var leases = LeaseStore.Open(options.Root, layers.Gate, log);
        var images = ImageStore.Open(options.Root, pinned.Contains, log);
        var platform = PlatformMatcher.Host();
        var installer = new LayerInstaller(layers.Layers, options.ConcurrentLayers, daemon);
        var parts = new PullParts(
            new RegistryHosts(options.RegistryConfigDirectory), new RetryPolicy { Stall = options.StallTimeout }, new ImageResolver(content, platform), installer, layers.Layers)
        {
            Content = content,
            Leases = leases,
            Images = images,
        };
        var collector = new Collector(images, content, layers.Layers, layers.References, leases, layers.Gate, log);
        var background = new BackgroundCollector(collector, log, daemon);
        var filesystem = new ImageFilesystem(options.Root, content, layers.Layers, layers.Snapshots);
        var service = new ImageService(
            images, layers.Layers, new Puller(parts, log, daemon), new Importer(parts, platform, log, daemon), background, filesystem, log);
        return new ImageServices(service, layers, background);
    }

    public async ValueTask DisposeAsync()
    {
        await _collector.DisposeAsync().ConfigureAwait(false);
        if (_layers is not null) await _layers.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>The layer half of the room, opened.</summary>
internal sealed record LayerParts(ILayerStore Layers, ISnapshotStore Snapshots, ILayerReferences References, CollectorLock Gate)
{
    /// <summary>Closed with the room; null: somebody else's.</summary>
    public IAsyncDisposable? Owner { get; init; }
}
