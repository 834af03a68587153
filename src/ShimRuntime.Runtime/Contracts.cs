using Microsoft.Win32.SafeHandles;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Doctor;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Shims.Upgrades;
using ShimRuntime.Runtime.Streaming;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Runtime;

/// <summary>The pod half of RuntimeService. Throws RuntimeFault with exact codes; the operation goes on when the client's token fires.</summary>
public interface ISandboxService
{
    Task<string> RunAsync(RunPodSandboxRequest request, CancellationToken client);

    Task StopAsync(string sandboxId, CancellationToken client);

    Task RemoveAsync(string sandboxId, CancellationToken client);

    /// <summary>Records overhead and resources; writes them to a pod cgroup that is ours, never to kubelet's.</summary>
    Task UpdateAsync(UpdatePodSandboxResourcesRequest request, CancellationToken client);

    PodSandboxStatusResponse Status(PodSandboxStatusRequest request);

    IReadOnlyList<PodSandbox> List(PodSandboxFilter? filter);

    /// <summary>Reads the records and puts each sandbox where it belongs; called once, before CRI is answered, before the containers' recovery.</summary>
    Task RecoverAsync(CancellationToken cancellation);

    /// <summary>Goes on with stops and removals that an earlier daemon had begun; called once, after the containers' recovery.</summary>
    void FinishBegun();
}

/// <summary>What containers need of their pod. Ids may be given as unambiguous prefixes, as crictl does.</summary>
public interface ISandboxStore
{
    /// <summary>Null: unknown.</summary>
    Sandbox? Find(string idOrPrefix);

    IReadOnlyCollection<Sandbox> List();
}

/// <summary>What a pod needs of its containers: called by StopPodSandbox and RemovePodSandbox.</summary>
public interface IPodContainers
{
    /// <summary>Stops all at once, each with its own stop signal and a grace of <paramref name="grace"/>; returns when all have exited.</summary>
    Task StopAllAsync(string sandboxId, TimeSpan grace, CancellationToken cancellation);

    /// <summary>Kills what runs and removes all.</summary>
    Task RemoveAllAsync(string sandboxId, CancellationToken cancellation);

    IReadOnlyList<ContainerStatus> StatusesOf(string sandboxId);
}

/// <summary>The container half of RuntimeService.</summary>
public interface IContainerService : IPodContainers
{
    Task<string> CreateAsync(CreateContainerRequest request, CancellationToken client);

    Task StartAsync(string containerId, CancellationToken client);

    Task StopAsync(string containerId, TimeSpan timeout, CancellationToken client);

    Task RemoveAsync(string containerId, CancellationToken client);

    ContainerStatusResponse Status(ContainerStatusRequest request);

    IReadOnlyList<Container> List(ContainerFilter? filter);

    Task UpdateAsync(UpdateContainerResourcesRequest request, CancellationToken client);

    Task ReopenLogAsync(string containerId, CancellationToken client);

    Task<ExecSyncResponse> ExecSyncAsync(ExecSyncRequest request, CancellationToken client);

    Task CheckpointAsync(CheckpointContainerRequest request, CancellationToken client);

    /// <summary>After the sandboxes' recovery; in parallel, a deadline each.</summary>
    Task RecoverAsync(CancellationToken cancellation);
}

/// <summary>Checkpoints of whole pods.</summary>
public interface IPodCheckpointService
{
    Task CheckpointAsync(CheckpointPodRequest request, CancellationToken client);

    /// <summary>A new pod, its containers created and not started: each begins where it was when it is started.</summary>
    Task<RestorePodResponse> RestoreAsync(RestorePodRequest request, CancellationToken client);
}

/// <summary>Hot swap, for node operators.</summary>
public interface IHotSwapService
{
    /// <summary>Begins a swap, or joins the one with its request_id; the flight's first fault is the call's.</summary>
    Task<SwapFlight> SwapAsync(SwapRequest request, SwapCaller caller, CancellationToken client);

    Task<RollbackResponse> RollbackAsync(RollbackRequest request, SwapCaller caller, CancellationToken client);

    Task<AbortResponse> AbortAsync(AbortRequest request, SwapCaller caller, CancellationToken client);

    GetStatusResponse Status(GetStatusRequest request);

    ListGenerationsResponse Generations(ListGenerationsRequest request);

    Task<ListSocketsResponse> SocketsAsync(ListSocketsRequest request, CancellationToken client);
}

/// <summary>New programs for shims that run.</summary>
public interface IShimUpgradeService
{
    /// <summary>Returns when every shim's turn is over, or the first was not exchanged. Each is told of once.</summary>
    /// <param name="program">Trusted by the caller: it is run as root.</param>
    /// <param name="containerIds">Ids, or prefixes; none: all.</param>
    /// <param name="client">When it fires, no further one is begun.</param>
    Task RunAsync(SafeFileHandle program, IReadOnlyList<string> containerIds, Func<ShimUpgradeStep, Task> told, CancellationToken client);
}

/// <summary>Exec, Attach and PortForward: checked here, served by session processes.</summary>
public interface IStreamService
{
    StreamTicket Exec(ExecRequest request);

    StreamTicket Attach(AttachRequest request);

    StreamTicket PortForward(PortForwardRequest request);

    /// <summary>Hands the client's socket to a new session; the caller closes its own copy.</summary>
    void Start(StreamTicket ticket, ShimProtocol.V1.UpgradeRequest request, int socket);
}

/// <summary>Stats, read from cgroups and namespaces by the daemon; no shim is asked.</summary>
public interface IStatsService
{
    ContainerStats Container(string containerId);

    /// <summary>Which ones is decided at the first step, the numbers of each are read when it is reached.</summary>
    IEnumerable<ContainerStats> Containers(ContainerStatsFilter? filter);

    PodSandboxStats Sandbox(string sandboxId);

    /// <inheritdoc cref="Containers"/>
    IEnumerable<PodSandboxStats> Sandboxes(PodSandboxStatsFilter? filter);
}

/// <summary>Series with cAdvisor's names, by pod.</summary>
public interface IMetricsService
{
    /// <summary>Exactly those that this node can fill; the same ones as long as the daemon runs.</summary>
    IReadOnlyList<MetricDescriptor> Descriptors { get; }

    /// <summary>Of ready pods and running containers; the numbers of each pod are read when it is reached.</summary>
    IEnumerable<PodSandboxMetrics> Pods();
}

/// <summary>GetContainerEvents, for any number of subscribers.</summary>
public interface IEventService
{
    /// <summary>What changes from now on is delivered; what had changed before, a list shows.</summary>
    IEventSubscription Subscribe();

    EventFeedState State { get; }

    /// <summary>Counts on from the last event of the daemon before, so that a client sees whether it has missed one. Before recovery.</summary>
    void ContinueFrom(ulong sequence);
}

/// <summary>One subscriber; disposed by whoever subscribed.</summary>
public interface IEventSubscription : IDisposable
{
    /// <summary>Number of the last event before the subscription: with the one in Status, a client can tell whether it has all.</summary>
    ulong StartSequence { get; }

    /// <summary>Fires when the client read too slowly; a write that waits for it is to be given up, and the fault below sent.</summary>
    CancellationToken CutOff { get; }

    /// <summary>Until cancelled or cut off, by OperationCanceledException.</summary>
    IAsyncEnumerable<ContainerEventResponse> ReadAsync(CancellationToken cancellation);

    /// <summary>ResourceExhausted, with what to do.</summary>
    RuntimeFault CutOffFault();
}

/// <param name="Sequence">Events since the start of the first daemon of a row that handed on in order.</param>
/// <param name="CutOff">Subscribers that were cut off since then.</param>
public sealed record EventFeedState(ulong Sequence, int Subscribers, ulong CutOff);

/// <summary>Finds what records of ours name and nobody owns any more.</summary>
public interface IDoctorService
{
    /// <param name="fix">Removes it, too. Goes on when the client's token fires.</param>
    Task<IReadOnlyList<Finding>> ExamineAsync(bool fix, CancellationToken client);
}

/// <summary>Version, Status, RuntimeConfig: what the node is told about the runtime.</summary>
public interface INodeService
{
    VersionResponse Version(VersionRequest request);

    Task<StatusResponse> StatusAsync(bool verbose, CancellationToken client);

    RuntimeConfigResponse Config();

    void UpdateConfig(UpdateRuntimeConfigRequest request);
}
