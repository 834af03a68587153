using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Daemon.Hosting;

namespace ShimRuntime.Daemon.Services;

/// <summary>
/// runtime.v1.RuntimeService. Only the edge: a request goes to the service that owns the matter, a response comes back; faults are
/// mapped by <see cref="FaultInterceptor"/>. A client that goes away stops waiting, the operation goes on.
/// </summary>
internal sealed partial class CriRuntimeService(ServiceGate gate) : RuntimeService.RuntimeServiceBase
{
    public override Task<VersionResponse> Version(VersionRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Node.Version(request));

    public override Task<StatusResponse> Status(StatusRequest request, ServerCallContext context) =>
        gate.Services.Node.StatusAsync(request.Verbose, context.CancellationToken);

    public override Task<RuntimeConfigResponse> RuntimeConfig(RuntimeConfigRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Services.Node.Config());

    public override Task<UpdateRuntimeConfigResponse> UpdateRuntimeConfig(UpdateRuntimeConfigRequest request, ServerCallContext context)
    {
        gate.Services.Node.UpdateConfig(request);
        return Task.FromResult(new UpdateRuntimeConfigResponse());
    }
}
