using Microsoft.Extensions.Logging;

namespace ShimRuntime.Images;

/// <summary>Everything below snapshots/: layers, writable layers, the background deletion and the usage walk.</summary>
public sealed class SnapshotServices : IAsyncDisposable
{
    private readonly SnapshotDirectory _directory;
    private readonly SnapshotReaper _reaper;
    private readonly UsageWalk _walk;
    private readonly SnapshotStore _snapshots;
    private readonly LayerStore _layers;

    private SnapshotServices(SnapshotDirectory directory, SnapshotReaper reaper, LayerStore layers, SnapshotStore snapshots, UsageWalk walk)
    {
        (_directory, _reaper, _layers, _snapshots, _walk) = (directory, reaper, layers, snapshots, walk);
    }

    public ILayerStore Layers => _layers;

    public ISnapshotStore Snapshots => _snapshots;

    public ILayerReferences References => _snapshots;

    /// <summary>
    /// Reads what is on disk and starts deleting what a crash left. Only one process may do so at a time (the daemon's lock).
    /// </summary>
    /// <param name="root">The daemon's durable root, which exists.</param>
    /// <param name="collector">Read by PrepareAsync: the caller of it must not hold it.</param>
    public static SnapshotServices Open(string root, CollectorLock collector, ILoggerFactory loggers, CancellationToken daemon) =>
        Open(root, collector, loggers, new LayerLimits(), daemon);

    internal static SnapshotServices Open(string root, CollectorLock collector, ILoggerFactory loggers, LayerLimits limits,
        CancellationToken daemon)
    {
        var log = loggers.CreateLogger("ShimRuntime.Images.Snapshots");
        var directory = new SnapshotDirectory(root, log);
        var found = directory.Load().ToList();
        var reaper = new SnapshotReaper(directory, daemon);
        var layers = new LayerStore(directory, reaper, limits, TimeProvider.System, log);
        foreach (var (id, record) in found)
        {
            if (record.Layer is { } layer) layers.Adopt(id, layer);
        }

        var snapshots = new SnapshotStore(directory, reaper, layers, collector, daemon);
        foreach (var (id, record) in found)
        {
            if (record.Writable is { } writable) snapshots.Adopt(id, writable);
        }

        return new SnapshotServices(directory, reaper, layers, snapshots, new UsageWalk(snapshots, TimeProvider.System, log, daemon));
    }

    public async ValueTask DisposeAsync()
    {
        await _walk.DisposeAsync().ConfigureAwait(false);
        await _reaper.DisposeAsync().ConfigureAwait(false);
        _directory.Dispose();
    }
}
