using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Services;

internal sealed partial class CriRuntimeService
{
    public override async Task<CreateContainerResponse> CreateContainer(CreateContainerRequest request, ServerCallContext context) =>
        new() { ContainerId = await gate.Services.Containers.CreateAsync(request, context.CancellationToken) };

    public override async Task<StartContainerResponse> StartContainer(StartContainerRequest request, ServerCallContext context)
    {
        await gate.Services.Containers.StartAsync(request.ContainerId, context.CancellationToken);
        return new StartContainerResponse();
    }

    public override async Task<StopContainerResponse> StopContainer(StopContainerRequest request, ServerCallContext context)
    {
        await gate.Services.Containers.StopAsync(request.ContainerId, Grace(request.Timeout), context.CancellationToken);
        return new StopContainerResponse();
    }

    public override async Task<RemoveContainerResponse> RemoveContainer(RemoveContainerRequest request, ServerCallContext context)
    {
        await gate.Services.Containers.RemoveAsync(request.ContainerId, context.CancellationToken);
        return new RemoveContainerResponse();
    }

    public override Task<ListContainersResponse> ListContainers(ListContainersRequest request, ServerCallContext context) =>
        Task.FromResult(new ListContainersResponse { Containers = { gate.Services.Containers.List(request.Filter) } });

    public override Task<ContainerStatusResponse> ContainerStatus(ContainerStatusRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Services.Containers.Status(request));

    public override async Task<UpdateContainerResourcesResponse> UpdateContainerResources(
        UpdateContainerResourcesRequest request, ServerCallContext context)
    {
        await gate.Services.Containers.UpdateAsync(request, context.CancellationToken);
        return new UpdateContainerResourcesResponse();
    }

    public override async Task<ReopenContainerLogResponse> ReopenContainerLog(ReopenContainerLogRequest request, ServerCallContext context)
    {
        await gate.Services.Containers.ReopenLogAsync(request.ContainerId, context.CancellationToken);
        return new ReopenContainerLogResponse();
    }

    public override async Task<CheckpointContainerResponse> CheckpointContainer(CheckpointContainerRequest request, ServerCallContext context)
    {
        await gate.Services.Containers.CheckpointAsync(request, context.CancellationToken);
        return new CheckpointContainerResponse();
    }

    public override Task<ExecSyncResponse> ExecSync(ExecSyncRequest request, ServerCallContext context) =>
        gate.Services.Containers.ExecSyncAsync(request, context.CancellationToken);

    /// <summary>Seconds, as CRI counts them; negative ones are refused, and no grace is longer than .NET can count.</summary>
    private static TimeSpan Grace(long seconds) => seconds switch
    {
        < 0 => throw RuntimeFault.InvalidArgument($"failed to stop container: timeout {seconds} is negative; give 0 to kill at once"),
        > int.MaxValue / 1000 => TimeSpan.FromMilliseconds(int.MaxValue),
        _ => TimeSpan.FromSeconds(seconds),
    };
}
