using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cdi;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Checkpoints;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Doctor;
using ShimRuntime.Runtime.Events;
using ShimRuntime.Runtime.Metrics;
using ShimRuntime.Runtime.Networking;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.Runtime.Shims.Upgrades;
using ShimRuntime.Runtime.Stats;
using ShimRuntime.Runtime.Streaming;
using ShimRuntime.Runtime.Swap;
using ShimRuntime.Runtime.Swap.Triggers;

namespace ShimRuntime.Runtime;

/// <summary>
/// The runtime proper, put together: what the daemon's gRPC edge calls. Open makes directories and stores and touches nothing that
/// lives; <see cref="RecoverAsync"/> then adopts what earlier daemons left. Disposing ends the watching, never a container.
/// </summary>
public sealed class RuntimeServices : IAsyncDisposable
{
    private readonly CgroupDrivers _cgroups;
    private readonly SessionStore _sessions;
    private readonly ApparmorNode _apparmor;
    private readonly Watching _watching;
    private readonly CancellationToken _stopping;
    private volatile bool _isRecovered;

    private RuntimeServices(CgroupDrivers cgroups, SessionStore sessions, ApparmorNode apparmor, Watching watching, CancellationToken stopping)
    {
        (_cgroups, _sessions, _apparmor, _watching, _stopping) = (cgroups, sessions, apparmor, watching, stopping);
    }

    public required ISandboxService Sandboxes { get; init; }

    public required IContainerService Containers { get; init; }

    public required IPodCheckpointService PodCheckpoints { get; init; }

    public required IHotSwapService HotSwap { get; init; }

    public required IShimUpgradeService ShimUpgrades { get; init; }

    public required IStreamService Streams { get; init; }

    public required IStatsService Stats { get; init; }

    public required IMetricsService Metrics { get; init; }

    public required IEventService Events { get; init; }

    public required INodeService Node { get; init; }

    public IDoctorService Doctor { get; private set; } = null!;

    /// <param name="stopping">The daemon's life: operations run under it, not under any client's token.</param>
    public static RuntimeServices Open(RuntimeOptions options, RuntimeDependencies dependencies, CancellationToken stopping)
    {
        var (exits, logs) = (dependencies.Exits, dependencies.Logs);
        var hierarchy = CgroupHierarchy.Detect();
        var cgroups = CgroupDrivers.Open(options, hierarchy);
        var handlers = new RuntimeHandlers(options, exits);
        var sessions = new SessionStore(options, hierarchy, exits, logs.CreateLogger<SessionStore>());
        var host = new Host(hierarchy, cgroups.Driver, new SandboxStore(), sessions)
        {
            Ledger = new IdLedger(options.State),
            Pulse = new DaemonPulse(options.State),
            View = new HostView(HostFacts.Read()),
            Handlers = handlers,
            Reserve = new ShimReserve(options, exits, logs.CreateLogger<ShimReserve>()),
        };
        var network = new PodNetwork(options, exits, logs.CreateLogger<PodNetwork>());
        var parts = Parts(options, dependencies, host, stopping);
        var pilot = new SwapPilot(parts);
        var swaps = new SwapVerb(parts, pilot);
        var directories = new DirectoryWatcher();
        var triggers = new SwapTriggers(parts, swaps, directories);
        var containers = new ContainerService(parts, pilot);
        var events = new EventFeed(containers.StatusesOf);
        parts.Store.Observer = new ContainerObservers([new ContainerEventSource(events, host.Sandboxes), triggers]);
        // As ImageFsInfo names it: kubelet compares the two.
        var filesystem = MountTable.Read().Holding(options.Root)?.Target ?? "/";
        var sources = new StatsSources(new CgroupReader(hierarchy), new CpuRates(), filesystem, new EndedLeaves(parts.Files.Paths));
        dependencies.Snapshots.Activity = new LayerActivity(parts.Store, sources.Cgroups).Of;
        dependencies.Images.PinnedBy = new SwapPins(parts.Store).Of;
        var sampler = new CpuSampler(parts.Store, host.Sandboxes, sources, host.Pulse.Beat, logs.CreateLogger<CpuSampler>());
        var apparmor = new ApparmorNode(options.ApparmorProfile, host.View, exits, logs.CreateLogger<ApparmorNode>());
        var sandboxes = new SandboxService(new SandboxParts
        {
            Options = options,
            Store = host.Sandboxes,
            Network = network,
            Exits = exits,
            Handlers = handlers,
            Facts = host.View.Facts,
            Shims = host.Reserve,
            Containers = () => containers,
            Events = events,
            EndSessions = sessions.Kill,
            Cgroups = new PodCgroups(hierarchy, cgroups.Driver),
            Ledger = host.Ledger,
            Logs = logs,
            Stopping = stopping,
        });
        var services = new RuntimeServices(cgroups, sessions, apparmor, new Watching(sampler, triggers, directories), stopping)
        {
            Sandboxes = sandboxes,
            PodCheckpoints = new PodCheckpointService(parts, sandboxes, containers.Create),
            Containers = containers,
            HotSwap = new HotSwapService(parts, swaps),
            ShimUpgrades = new ShimRollout(parts.Store, logs.CreateLogger<ShimRollout>()),
            Streams = new StreamService(new StreamTargets(parts, host.Sandboxes),
                new SessionSpawner(options, sessions, logs.CreateLogger<SessionSpawner>(), stopping)),
            Stats = new StatsService(parts.Store, host.Sandboxes, dependencies.Snapshots, sources),
            Metrics = new MetricsService(parts.Store, host.Sandboxes, dependencies.Snapshots, sources),
            Events = events,
            Node = new NodeService(options, network, handlers, apparmor, events),
        };
        services.Doctor = DoctorRoom.Open(
            parts, containers, sandboxes, (network, new PodCgroups(hierarchy, cgroups.Driver), sessions), () => services._isRecovered);
        return services;
    }

    /// <summary>Sandboxes first, then containers, then what was begun with pods; the node's AppArmor profile meanwhile. CRI answers Unavailable until this returns.</summary>
    public async Task RecoverAsync(CancellationToken cancellation)
    {
        var apparmor = _apparmor.LoadAsync(cancellation);
        await Sandboxes.RecoverAsync(cancellation).ConfigureAwait(false);
        await Containers.RecoverAsync(cancellation).ConfigureAwait(false);
        Sandboxes.FinishBegun();
        await apparmor.ConfigureAwait(false);
        _watching.Triggers.Recover();
        _watching.Sampler.Begin(_stopping);
        _sessions.Recover(_stopping);
        _isRecovered = true;
    }

    public ValueTask DisposeAsync()
    {
        _watching.Directories.Dispose();
        _cgroups.Dispose();
        return ValueTask.CompletedTask;
    }

    private static ContainerParts Parts(RuntimeOptions options, RuntimeDependencies dependencies, Host host, CancellationToken stopping)
    {
        var logs = dependencies.Logs;
        var (store, names, paths) = (new ContainerStore(), new ContainerNames(), new ContainerPaths(options));
        var files = new ContainerFiles(paths);
        files.MakeRoots();
        var killer = new LeafKiller(host.Hierarchy);
        var owner = new ShimOwner(dependencies.Exits, options.ShimCallTimeout, stopping);
        return new ContainerParts
        {
            Options = options,
            Store = store,
            Names = names,
            Files = files,
            Creates = new CreateFlights(store, names, stopping),
            Sandboxes = host.Sandboxes,
            Handlers = host.Handlers,
            Images = dependencies.Images,
            Snapshots = dependencies.Snapshots,
            Bundles = new BundleWriter(
                paths, new SpecBuilder(host.View, options.SeccompDefault, options.ApparmorProfile), host.View.Facts,
                new CdiDevices(new CdiDirectories(options.CdiSpecDirectories))),
            Spawner = new ShimSpawner(options, host.Reserve, owner),
            ShimOwner = owner,
            Criu = new CriuProbe(dependencies.Exits),
            Supervisor = new ContainerSupervisor(files, killer, logs.CreateLogger<ContainerSupervisor>(), stopping),
            Cgroups = host.Driver,
            Limits = new LimitsInForce(host.Hierarchy),
            Killer = killer,
            Ledger = host.Ledger,
            Leftovers = new Leftovers(paths, dependencies.Snapshots, host.Driver, killer, logs.CreateLogger<Leftovers>()),
            LastPulseNanos = host.Pulse.LastNanos,
            SessionsOf = host.Sessions.CountOf,
            Logs = logs,
        };
    }

    private sealed record Host(CgroupHierarchy Hierarchy, ICgroupDriver Driver, SandboxStore Sandboxes, SessionStore Sessions)
    {
        public required IdLedger Ledger { get; init; }

        public required DaemonPulse Pulse { get; init; }

        public required HostView View { get; init; }

        public required RuntimeHandlers Handlers { get; init; }

        public required ShimReserve Reserve { get; init; }
    }

    /// <summary>What begins once all is recovered.</summary>
    private sealed record Watching(CpuSampler Sampler, SwapTriggers Triggers, DirectoryWatcher Directories);
}
