using Grpc.Core;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Daemon.Services;

internal sealed partial class CriRuntimeService
{
    public override async Task<RunPodSandboxResponse> RunPodSandbox(RunPodSandboxRequest request, ServerCallContext context) =>
        new() { PodSandboxId = await gate.Services.Sandboxes.RunAsync(request, context.CancellationToken) };

    public override async Task<StopPodSandboxResponse> StopPodSandbox(StopPodSandboxRequest request, ServerCallContext context)
    {
        await gate.Services.Sandboxes.StopAsync(request.PodSandboxId, context.CancellationToken);
        return new StopPodSandboxResponse();
    }

    public override async Task<RemovePodSandboxResponse> RemovePodSandbox(RemovePodSandboxRequest request, ServerCallContext context)
    {
        await gate.Services.Sandboxes.RemoveAsync(request.PodSandboxId, context.CancellationToken);
        return new RemovePodSandboxResponse();
    }

    public override async Task<UpdatePodSandboxResourcesResponse> UpdatePodSandboxResources(
        UpdatePodSandboxResourcesRequest request, ServerCallContext context)
    {
        await gate.Services.Sandboxes.UpdateAsync(request, context.CancellationToken);
        return new UpdatePodSandboxResourcesResponse();
    }

    public override async Task<CheckpointPodResponse> CheckpointPod(CheckpointPodRequest request, ServerCallContext context)
    {
        await gate.Services.PodCheckpoints.CheckpointAsync(request, context.CancellationToken);
        return new CheckpointPodResponse();
    }

    public override Task<RestorePodResponse> RestorePod(RestorePodRequest request, ServerCallContext context) =>
        gate.Services.PodCheckpoints.RestoreAsync(request, context.CancellationToken);

    public override Task<PodSandboxStatusResponse> PodSandboxStatus(PodSandboxStatusRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Services.Sandboxes.Status(request));

    public override Task<ListPodSandboxResponse> ListPodSandbox(ListPodSandboxRequest request, ServerCallContext context) =>
        Task.FromResult(new ListPodSandboxResponse { Items = { gate.Services.Sandboxes.List(request.Filter) } });
}
