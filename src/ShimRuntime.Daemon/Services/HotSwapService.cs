using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Daemon.Services;

/// <summary>shimruntime.hotswap.v1.HotSwap. Only the edge; a client that goes away stops listening, the swap goes on.</summary>
internal sealed class HotSwapService(ServiceGate gate) : HotSwap.HotSwapBase
{
    public override async Task Swap(SwapRequest request, IServerStreamWriter<SwapEvent> responseStream, ServerCallContext context)
    {
        var flight = await gate.Services.HotSwap.SwapAsync(request, CallerOf(context), context.CancellationToken);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, gate.Ending);
        await foreach (var happened in flight.FollowAsync(end.Token)) await responseStream.WriteAsync(happened, end.Token);
    }

    public override Task<RollbackResponse> Rollback(RollbackRequest request, ServerCallContext context) =>
        gate.Services.HotSwap.RollbackAsync(request, CallerOf(context), context.CancellationToken);

    public override Task<AbortResponse> Abort(AbortRequest request, ServerCallContext context) =>
        gate.Services.HotSwap.AbortAsync(request, CallerOf(context), context.CancellationToken);

    public override Task<GetStatusResponse> GetStatus(GetStatusRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Services.HotSwap.Status(request));

    public override Task<ListGenerationsResponse> ListGenerations(ListGenerationsRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Services.HotSwap.Generations(request));

    public override Task<ListSocketsResponse> ListSockets(ListSocketsRequest request, ServerCallContext context) =>
        gate.Services.HotSwap.SocketsAsync(request, context.CancellationToken);

    /// <summary>The kernel's word on who connected, not the client's.</summary>
    private static SwapCaller CallerOf(ServerCallContext context)
    {
        var socket = context.GetHttpContext().Features.Get<IConnectionSocketFeature>()?.Socket
            ?? throw RuntimeFault.Internal("failed to tell who calls: the connection has no socket");
        var peer = PeerCredentials.Of((int)socket.Handle);
        return SwapCaller.Peer(peer.Uid, peer.Pid);
    }
}
