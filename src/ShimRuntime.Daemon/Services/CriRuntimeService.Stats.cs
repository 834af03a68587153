using Grpc.Core;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Daemon.Services;

internal sealed partial class CriRuntimeService
{
    public override Task<ContainerStatsResponse> ContainerStats(ContainerStatsRequest request, ServerCallContext context) =>
        Task.FromResult(new ContainerStatsResponse { Stats = gate.Services.Stats.Container(request.ContainerId) });

    public override Task<ListContainerStatsResponse> ListContainerStats(ListContainerStatsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListContainerStatsResponse { Stats = { gate.Services.Stats.Containers(request.Filter) } });

    public override Task<PodSandboxStatsResponse> PodSandboxStats(PodSandboxStatsRequest request, ServerCallContext context) =>
        Task.FromResult(new PodSandboxStatsResponse { Stats = gate.Services.Stats.Sandbox(request.PodSandboxId) });

    public override Task<ListPodSandboxStatsResponse> ListPodSandboxStats(ListPodSandboxStatsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListPodSandboxStatsResponse { Stats = { gate.Services.Stats.Sandboxes(request.Filter) } });

    public override Task<ListMetricDescriptorsResponse> ListMetricDescriptors(
        ListMetricDescriptorsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListMetricDescriptorsResponse { Descriptors = { gate.Services.Metrics.Descriptors } });

    public override Task<ListPodSandboxMetricsResponse> ListPodSandboxMetrics(
        ListPodSandboxMetricsRequest request, ServerCallContext context) =>
        Task.FromResult(new ListPodSandboxMetricsResponse { PodMetrics = { gate.Services.Metrics.Pods() } });
}
