using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Swap;

/// <summary>shimruntime.hotswap.v1, put together from its verbs and views.</summary>
internal sealed class HotSwapService(ContainerParts parts, SwapVerb verb) : IHotSwapService
{
    private readonly SwapStatusViews _views = new(parts.Files.Paths);

    public Task<SwapFlight> SwapAsync(SwapRequest request, SwapCaller caller, CancellationToken client) => verb.BeginAsync(request, caller, client);

    public async Task<RollbackResponse> RollbackAsync(RollbackRequest request, SwapCaller caller, CancellationToken client) => new()
    {
        Generation = await verb.EndAsync(request.ContainerId, new SwapEnding(true, "", request.ExpectedGeneration), caller, client).ConfigureAwait(false),
    };

    public async Task<AbortResponse> AbortAsync(AbortRequest request, SwapCaller caller, CancellationToken client) => new()
    {
        Generation = await verb.EndAsync(request.ContainerId, new SwapEnding(false, request.RequestId, 0), caller, client).ConfigureAwait(false),
    };

    public GetStatusResponse Status(GetStatusRequest request) => _views.Status(parts.Store.Get(request.ContainerId, "get the swap status of"));

    public ListGenerationsResponse Generations(ListGenerationsRequest request) =>
        _views.Generations(parts.Store.Get(request.ContainerId, "list the generations of"));

    public async Task<ListSocketsResponse> SocketsAsync(ListSocketsRequest request, CancellationToken client)
    {
        var entry = parts.Store.Get(request.ContainerId, "list the sockets of");
        var response = new ListSocketsResponse();
        if (entry.Shim is not { } shim) return response;
        try
        {
            var seen = await shim.HoldSocketsAsync(true, client).ConfigureAwait(false);
            response.Unfit.AddRange(seen.Unfit);
            response.Sockets.AddRange(seen.Sockets.Select(s => new HeldSocket
            {
                Name = s.Name, Family = s.Family, Address = s.Address, V6Only = s.V6Only, ReusePort = s.ReusePort, Inode = s.Inode,
            }));
            return response;
        }
        catch (ShimFault e)
        {
            throw new RuntimeFault(e.Code, $"failed to list the sockets of container '{entry.Id}': {e.Message}", e);
        }
    }
}
