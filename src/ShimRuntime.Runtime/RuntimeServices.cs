using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Networking;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.Runtime.Stats;

namespace ShimRuntime.Runtime;

/// <summary>
/// The runtime proper, put together: what the daemon's gRPC edge calls. Open makes directories and stores and touches nothing that
/// lives; <see cref="RecoverAsync"/> then adopts what earlier daemons left. Disposing ends the watching, never a container.
/// </summary>
public sealed class RuntimeServices : IAsyncDisposable
{
    private readonly Cgroup _root;

    private RuntimeServices(ISandboxService sandboxes, IContainerService containers, IStatsService stats, INodeService node, Cgroup root)
    {
        _root = root;
        Sandboxes = sandboxes;
        Containers = containers;
        Stats = stats;
        Node = node;
    }

    public ISandboxService Sandboxes { get; }

    public IContainerService Containers { get; }

    public IStatsService Stats { get; }

    public INodeService Node { get; }

    /// <param name="stopping">The daemon's life: operations run under it, not under any client's token.</param>
    public static RuntimeServices Open(RuntimeOptions options, RuntimeDependencies dependencies, CancellationToken stopping)
    {
        var (exits, logs) = (dependencies.Exits, dependencies.Logs);
        var hierarchy = CgroupHierarchy.Detect();
        var network = new PodNetwork(options, exits, logs.CreateLogger<PodNetwork>());
        var sandboxStore = new SandboxStore();
        var parts = Parts(options, dependencies, new Host(hierarchy, sandboxStore), stopping);
        var containers = new ContainerService(parts);
        var sandboxes = new SandboxService(new SandboxParts
        {
            Options = options,
            Store = sandboxStore,
            Network = network,
            Exits = exits,
            Containers = () => containers,
            Cgroups = hierarchy,
            Logs = logs,
            Stopping = stopping,
        });
        // As ImageFsInfo names it: kubelet compares the two.
        var places = new StatsPlaces(hierarchy, MountTable.Read().Holding(options.Root)?.Target ?? "/");
        var stats = new StatsService(parts.Store, sandboxStore, dependencies.Snapshots, places);
        return new RuntimeServices(sandboxes, containers, stats, new NodeService(options, network, new RuncProbe(options.RuncPath, exits)),
            new Cgroup(hierarchy, options.CgroupRoot));
    }

    /// <summary>Sandboxes first, then containers; CRI answers Unavailable until this returns.</summary>
    public async Task RecoverAsync(CancellationToken cancellation)
    {
        await Sandboxes.RecoverAsync(cancellation).ConfigureAwait(false);
        await Containers.RecoverAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The parent of pod cgroups goes with the last of them; while one is there, the kernel keeps it.</summary>
    public ValueTask DisposeAsync()
    {
        _root.RemoveIfUnused();
        return ValueTask.CompletedTask;
    }

    private static ContainerParts Parts(RuntimeOptions options, RuntimeDependencies dependencies, Host host, CancellationToken stopping)
    {
        var logs = dependencies.Logs;
        var (store, names, paths) = (new ContainerStore(), new ContainerNames(), new ContainerPaths(options));
        var files = new ContainerFiles(paths);
        files.MakeRoots();
        var killer = new LeafKiller(host.Hierarchy);
        var facts = HostFacts.Read([]);
        var owner = new ShimOwner(dependencies.Exits, options.ShimCallTimeout, stopping);
        return new ContainerParts
        {
            Options = options,
            Store = store,
            Names = names,
            Files = files,
            Creates = new CreateFlights(store, names, stopping),
            Sandboxes = host.Sandboxes,
            Images = dependencies.Images,
            Snapshots = dependencies.Snapshots,
            Bundles = new BundleWriter(paths, new SpecBuilder(new HostView(facts), options.SeccompDefault), facts),
            Spawner = new ShimSpawner(options, owner, logs.CreateLogger<ShimSpawner>()),
            ShimOwner = owner,
            Supervisor = new ContainerSupervisor(files, killer, logs.CreateLogger<ContainerSupervisor>(), stopping),
            Killer = killer,
            Leftovers = new Leftovers(paths, dependencies.Snapshots, host.Hierarchy, killer, logs.CreateLogger<Leftovers>()),
            Logs = logs,
        };
    }

    private sealed record Host(CgroupHierarchy Hierarchy, ISandboxStore Sandboxes);
}
