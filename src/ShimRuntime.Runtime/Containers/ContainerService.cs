using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Checkpoints;
using ShimRuntime.Runtime.Recovery;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Runtime.Containers;

/// <summary>The container half of RuntimeService: one class a verb, put together here.</summary>
internal sealed class ContainerService : IContainerService
{
    private readonly ContainerParts _parts;
    private readonly SwapPilot _pilot;
    private readonly ContainerViews _views;
    private readonly VerboseInfo _verbose;
    private readonly CreateVerb _create;
    private readonly StartVerb _start;
    private readonly StopVerb _stop;
    private readonly RemoveVerb _remove;
    private readonly UpdateVerb _update;
    private readonly ReopenLogVerb _reopenLog;
    private readonly ExecSyncVerb _execSync;
    private readonly CheckpointVerb _checkpoint;

    public ContainerService(ContainerParts parts, SwapPilot pilot)
    {
        var bundles = parts.Bundles;
        (_parts, _pilot) = (parts, pilot);
        _views = new ContainerViews(parts.Images, parts.Limits);
        _verbose = new VerboseInfo(parts);
        _create = new CreateVerb(parts, bundles);
        _start = new StartVerb(parts);
        _stop = new StopVerb(parts);
        _remove = new RemoveVerb(parts, _stop);
        _update = new UpdateVerb(parts, bundles);
        _reopenLog = new ReopenLogVerb(parts);
        _execSync = new ExecSyncVerb(parts, bundles);
        _checkpoint = new CheckpointVerb(parts);
    }

    internal CreateVerb Create => _create;

    internal RemoveVerb Remove => _remove;

    /// <summary>See <see cref="Recoverer.Cleared"/>.</summary>
    internal Task Cleared { get; private set; } = Task.CompletedTask;

    public Task<string> CreateAsync(CreateContainerRequest request, CancellationToken client) => _create.RunAsync(request, client);

    public Task StartAsync(string containerId, CancellationToken client) => _start.RunAsync(containerId, client);

    public Task StopAsync(string containerId, TimeSpan timeout, CancellationToken client) => _stop.RunAsync(containerId, timeout, client);

    public Task RemoveAsync(string containerId, CancellationToken client) => _remove.RunAsync(containerId, client);

    public Task UpdateAsync(UpdateContainerResourcesRequest request, CancellationToken client) => _update.RunAsync(request, client);

    public Task ReopenLogAsync(string containerId, CancellationToken client) => _reopenLog.RunAsync(containerId, client);

    public Task<ExecSyncResponse> ExecSyncAsync(ExecSyncRequest request, CancellationToken client) => _execSync.RunAsync(request, client);

    public Task CheckpointAsync(CheckpointContainerRequest request, CancellationToken client) => _checkpoint.RunAsync(request, client);

    public ContainerStatusResponse Status(ContainerStatusRequest request)
    {
        var entry = _parts.Store.Get(request.ContainerId, "get the status of");
        var response = new ContainerStatusResponse { Status = _views.ToStatus(entry) };
        if (request.Verbose) response.Info["info"] = _verbose.Of(entry);
        return response;
    }

    public IReadOnlyList<Container> List(ContainerFilter? filter) =>
        [.. _parts.Store.All().Where(e => ContainerFilters.Matches(e, filter)).Select(ContainerViews.ToListed)];

    public IReadOnlyList<ContainerStatus> StatusesOf(string sandboxId) =>
        [.. _parts.Store.OfSandbox(sandboxId).Where(e => ContainerFilters.Matches(e, (ContainerFilter?)null)).Select(_views.ToStatus)];

    public async Task StopAllAsync(string sandboxId, TimeSpan grace, CancellationToken cancellation) =>
        await Task.WhenAll(_parts.Store.OfSandbox(sandboxId).Select(e => StopOneAsync(e, grace, cancellation))).ConfigureAwait(false);

    public async Task RemoveAllAsync(string sandboxId, CancellationToken cancellation) =>
        await Task.WhenAll(_parts.Store.OfSandbox(sandboxId).Select(e => _remove.RemoveAsync(e, cancellation))).ConfigureAwait(false);

    public async Task RecoverAsync(CancellationToken cancellation)
    {
        var recoverer = new Recoverer(_parts, _remove, _pilot);
        await recoverer.RunAsync(cancellation).ConfigureAwait(false);
        Cleared = recoverer.Cleared;
    }

    /// <summary>One that is still being created is created first: its shim must not appear after the pod has stopped.</summary>
    private async Task StopOneAsync(ContainerEntry entry, TimeSpan grace, CancellationToken cancellation)
    {
        await _parts.Creates.JoinAsync(entry, cancellation).ConfigureAwait(false);
        await _stop.StopAsync(entry, grace, cancellation).ConfigureAwait(false);
    }
}
