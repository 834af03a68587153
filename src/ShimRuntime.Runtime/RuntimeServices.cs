namespace ShimRuntime.Runtime;

/// <summary>
/// The runtime proper, put together: what the daemon's gRPC edge calls. Open makes directories and stores and touches nothing that
/// lives; <see cref="RecoverAsync"/> then adopts what earlier daemons left. Disposing ends the watching, never a container.
/// </summary>
public sealed class RuntimeServices : IAsyncDisposable
{
    private RuntimeServices(ISandboxService sandboxes, IContainerService containers, IStatsService stats, INodeService node)
    {
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
        throw new NotSupportedException($"{options.Root}: {dependencies.Images} {stopping}: sandboxes and containers land next");
    }

    /// <summary>Sandboxes first, then containers; CRI answers Unavailable until this returns.</summary>
    public async Task RecoverAsync(CancellationToken cancellation)
    {
        await Sandboxes.RecoverAsync(cancellation).ConfigureAwait(false);
        await Containers.RecoverAsync(cancellation).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
