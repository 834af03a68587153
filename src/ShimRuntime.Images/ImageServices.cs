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
        var layers = new LayerParts(snapshots.Layers, snapshots.Snapshots, snapshots.References, gate) { Owner = snapshots };
        return Compose(options, layers, loggers, daemon);
    }

    /// <summary>Everything but the layers and snapshots, over the given ones.</summary>
    internal static ImageServices Compose(ImageOptions options, LayerParts layers, ILoggerFactory loggers, CancellationToken daemon)
    {
        var log = loggers.CreateLogger("ShimRuntime.Images");
        var pinned = options.PinnedImages.Select(name => ImageReference.Parse(name).ToString()).ToHashSet(StringComparer.Ordinal);
        var content = ContentStore.Open(options.Root, log);
        var platform = PlatformMatcher.Host();
        var parts = new ImageParts
        {
            Content = content,
            Layers = layers.Layers,
            Leases = LeaseStore.Open(options.Root, layers.Gate, log),
            Images = ImageStore.Open(options.Root, pinned.Contains, log),
            Installer = new LayerInstaller(layers.Layers, options.ConcurrentLayers, daemon),
            Resolver = new ImageResolver(content, platform),
            Hosts = new RegistryHosts(options.RegistryConfigDirectory),
            Retry = new RetryPolicy { Stall = options.StallTimeout },
            Platform = platform,
            Log = log,
        };
        var collector = new BackgroundCollector(new Collector(parts, layers.References, layers.Gate), log, daemon);
        layers.References.Released = chains =>
        {
            // As a rule the image is still there, and nothing has become garbage.
            if (!chains.All(parts.Images.Records.SelectMany(r => r.ChainIds).ToHashSet().Contains)) collector.Request();
        };
        var filesystem = new ImageFilesystem(options.Root, content, layers.Layers, layers.Snapshots);
        var service = new ImageService(parts, new Puller(parts, daemon), new Importer(parts, daemon), collector, filesystem);
        return new ImageServices(service, layers, collector);
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
