using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Services;

/// <summary>
/// What this version does not serve, each with a sentence. kubelet falls back to the unary lists and to polling on Unimplemented,
/// and rejects a pod's resize on any other error.
/// </summary>
internal sealed partial class CriRuntimeService
{
    private const string UseList = "use the unary list call";
    private const string NoStreaming = "interactive streams are not served by this version; use ExecSync, or the container's log";
    private const string NoCheckpoint = "checkpoint and restore are not served by this version";

    public override Task<ExecResponse> Exec(ExecRequest request, ServerCallContext context) => Later<ExecResponse>("Exec", NoStreaming);

    public override Task<AttachResponse> Attach(AttachRequest request, ServerCallContext context) =>
        Later<AttachResponse>("Attach", NoStreaming);

    public override Task<PortForwardResponse> PortForward(PortForwardRequest request, ServerCallContext context) =>
        Later<PortForwardResponse>("PortForward", "port forwarding is not served by this version; reach the pod by its IP");

    public override Task<CheckpointContainerResponse> CheckpointContainer(CheckpointContainerRequest request, ServerCallContext context) =>
        Later<CheckpointContainerResponse>("CheckpointContainer", NoCheckpoint);

    public override Task<CheckpointPodResponse> CheckpointPod(CheckpointPodRequest request, ServerCallContext context) =>
        Later<CheckpointPodResponse>("CheckpointPod", NoCheckpoint);

    public override Task<RestorePodResponse> RestorePod(RestorePodRequest request, ServerCallContext context) =>
        Later<RestorePodResponse>("RestorePod", NoCheckpoint);

    public override Task<UpdatePodSandboxResourcesResponse> UpdatePodSandboxResources(
        UpdatePodSandboxResourcesRequest request, ServerCallContext context) =>
        Later<UpdatePodSandboxResourcesResponse>("UpdatePodSandboxResources", "kubelet writes the pod's cgroup by itself");

    public override Task<ListMetricDescriptorsResponse> ListMetricDescriptors(
        ListMetricDescriptorsRequest request, ServerCallContext context) =>
        Later<ListMetricDescriptorsResponse>("ListMetricDescriptors", "use the stats calls");

    public override Task<ListPodSandboxMetricsResponse> ListPodSandboxMetrics(
        ListPodSandboxMetricsRequest request, ServerCallContext context) =>
        Later<ListPodSandboxMetricsResponse>("ListPodSandboxMetrics", "use ListPodSandboxStats");

    public override Task GetContainerEvents(
        GetEventsRequest request, IServerStreamWriter<ContainerEventResponse> responseStream, ServerCallContext context) =>
        Later<ContainerEventResponse>("GetContainerEvents", "events are not served by this version; list containers instead");

    public override Task StreamPodSandboxes(
        StreamPodSandboxesRequest request, IServerStreamWriter<StreamPodSandboxesResponse> responseStream, ServerCallContext context) =>
        Later<StreamPodSandboxesResponse>("StreamPodSandboxes", UseList);

    public override Task StreamContainers(
        StreamContainersRequest request, IServerStreamWriter<StreamContainersResponse> responseStream, ServerCallContext context) =>
        Later<StreamContainersResponse>("StreamContainers", UseList);

    public override Task StreamContainerStats(
        StreamContainerStatsRequest request, IServerStreamWriter<StreamContainerStatsResponse> responseStream, ServerCallContext context) =>
        Later<StreamContainerStatsResponse>("StreamContainerStats", UseList);

    public override Task StreamPodSandboxStats(
        StreamPodSandboxStatsRequest request,
        IServerStreamWriter<StreamPodSandboxStatsResponse> responseStream,
        ServerCallContext context) =>
        Later<StreamPodSandboxStatsResponse>("StreamPodSandboxStats", UseList);

    public override Task StreamPodSandboxMetrics(
        StreamPodSandboxMetricsRequest request,
        IServerStreamWriter<StreamPodSandboxMetricsResponse> responseStream,
        ServerCallContext context) =>
        Later<StreamPodSandboxMetricsResponse>("StreamPodSandboxMetrics", UseList);

    private static Task<TResponse> Later<TResponse>(string rpc, string sentence) =>
        Task.FromException<TResponse>(new RuntimeFault(FaultCode.Unimplemented, $"failed to serve {rpc}: {sentence}"));
}
