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
    private readonly ApparmorNode _apparmor;

    private RuntimeServices(
        ISandboxService sandboxes, IContainerService containers, IStatsService stats, INodeService node, (Cgroup Root, ApparmorNode Apparmor) own)
    {
        (_root, _apparmor) = own;
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
        var view = new HostView(HostFacts.Read([]));
        var parts = Parts(options, dependencies, new Host(hierarchy, sandboxStore, view), stopping);
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
        var apparmor = new ApparmorNode(options.ApparmorProfile, view, exits, logs.CreateLogger<ApparmorNode>());
        var node = new NodeService(options, network, new RuncProbe(options.RuncPath, exits), apparmor);
        return new RuntimeServices(sandboxes, containers, stats, node, (new Cgroup(hierarchy, options.CgroupRoot), apparmor));
    }

    /// <summary>Sandboxes first, then containers; the node's AppArmor profile meanwhile. CRI answers Unavailable until this returns.</summary>
    public async Task RecoverAsync(CancellationToken cancellation)
    {
        var apparmor = _apparmor.LoadAsync(cancellation);
        await Sandboxes.RecoverAsync(cancellation).ConfigureAwait(false);
        await Containers.RecoverAsync(cancellation).ConfigureAwait(false);
        await apparmor.ConfigureAwait(false);
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
            Bundles = new BundleWriter(
                paths, new SpecBuilder(host.View, options.SeccompDefault, options.ApparmorProfile), host.View.Facts),
            Spawner = new ShimSpawner(options, owner, logs.CreateLogger<ShimSpawner>()),
            ShimOwner = owner,
            Supervisor = new ContainerSupervisor(files, killer, logs.CreateLogger<ContainerSupervisor>(), stopping),
            Killer = killer,
            Leftovers = new Leftovers(paths, dependencies.Snapshots, host.Hierarchy, killer, logs.CreateLogger<Leftovers>()),
            Logs = logs,
        };
    }

    private sealed record Host(CgroupHierarchy Hierarchy, ISandboxStore Sandboxes, HostView View);
}
