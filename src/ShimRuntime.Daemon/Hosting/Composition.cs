using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Daemon.Streaming;
using ShimRuntime.Daemon.Upgrades;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>Everything below the gRPC edge, opened in order and closed in reverse. Closing ends the watching, never a container.</summary>
internal sealed class Composition : IAsyncDisposable
{
    private readonly ImageServices _images;
    private readonly RuntimeServices _runtime;
    private readonly ExitWatcher _exits;

    private Composition(ImageServices images, RuntimeServices runtime, StreamingServer streaming, ExitWatcher exits)
    {
        _images = images;
        _runtime = runtime;
        Streaming = streaming;
        _exits = exits;
    }

    public StreamingServer Streaming { get; }

    /// <summary>What a new shim is started from.</summary>
    public required string ShimPath { get; init; }

    public IImageService Images => _images.Images;

    public ISandboxService Sandboxes => _runtime.Sandboxes;

    public IContainerService Containers => _runtime.Containers;

    public IPodCheckpointService PodCheckpoints => _runtime.PodCheckpoints;

    public IHotSwapService HotSwap => _runtime.HotSwap;

    public IShimUpgradeService ShimUpgrades => _runtime.ShimUpgrades;

    public IStatsService Stats => _runtime.Stats;

    public IMetricsService Metrics => _runtime.Metrics;

    public IEventService Events => _runtime.Events;

    public INodeService Node => _runtime.Node;

    public IDoctorService Doctor => _runtime.Doctor;

    /// <param name="streams">A listener for streams that an earlier daemon has left, owned from here on; -1: none.</param>
    /// <param name="daemon">The daemon's life: operations run under it, not under any client's token.</param>
    public static async Task<Composition> OpenAsync(DaemonConfig config, ILoggerFactory logs, int streams, CancellationToken daemon)
    {
        var exits = new ExitWatcher();
        ImageServices? images = null;
        try
        {
            images = await ImageServices.OpenAsync(config.ToImageOptions(), logs, daemon);
            var dependencies = new RuntimeDependencies(images.Images, images.Snapshots, exits, logs);
            var options = config.ToRuntimeOptions();
            var runtime = RuntimeServices.Open(options, dependencies, daemon);
            var streaming = StreamingServer.Open((config.StreamEndPoint(), streams), config.State, runtime.Streams, logs.CreateLogger<StreamingServer>());
            return new Composition(images, runtime, streaming, exits) { ShimPath = options.ShimPath };
        }
        catch
        {
            if (images is not null) await images.DisposeAsync();
            exits.Dispose();
            throw;
        }
    }

    /// <summary>Adopts what earlier daemons left; CRI answers Unavailable until this returns.</summary>
    public async Task RecoverAsync(HandoverState left, CancellationToken cancellation)
    {
        Events.ContinueFrom(left.EventSequence);
        await _runtime.RecoverAsync(cancellation);
        Streaming.Restore(left.Streams);
    }

    /// <summary>What the daemon after this one is to know, once no call is under way any more.</summary>
    public HandoverState Left() => new() { EventSequence = Events.State.Sequence, Streams = Streaming.Unredeemed() };

    public async ValueTask DisposeAsync()
    {
        Streaming.Dispose();
        await _runtime.DisposeAsync();
        await _images.DisposeAsync();
        _exits.Dispose();
    }
}
