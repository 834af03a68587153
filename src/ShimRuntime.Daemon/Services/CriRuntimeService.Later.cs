using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Services;

/// <summary>
/// What this version does not serve, each with a sentence. kubelet rejects a pod's resize on any other error than Unimplemented.
/// </summary>
internal sealed partial class CriRuntimeService
{
    private const string NoCheckpoint = "checkpoint and restore are not served by this version";

    public override Task<CheckpointContainerResponse> CheckpointContainer(CheckpointContainerRequest request, ServerCallContext context) =>
        Later<CheckpointContainerResponse>("CheckpointContainer", NoCheckpoint);

    public override Task<CheckpointPodResponse> CheckpointPod(CheckpointPodRequest request, ServerCallContext context) =>
        Later<CheckpointPodResponse>("CheckpointPod", NoCheckpoint);

    public override Task<RestorePodResponse> RestorePod(RestorePodRequest request, ServerCallContext context) =>
        Later<RestorePodResponse>("RestorePod", NoCheckpoint);


    private static Task<TResponse> Later<TResponse>(string rpc, string sentence) =>
        Task.FromException<TResponse>(new RuntimeFault(FaultCode.Unimplemented, $"failed to serve {rpc}: {sentence}"));
}
