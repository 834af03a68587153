using Grpc.Core;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Daemon.Services;

/// <content>Exec, Attach, PortForward: each answers with a URL that is good for one client.</content>
internal sealed partial class CriRuntimeService
{
    public override Task<ExecResponse> Exec(ExecRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Services.Streaming.Exec(request));

    public override Task<AttachResponse> Attach(AttachRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Services.Streaming.Attach(request));

    public override Task<PortForwardResponse> PortForward(PortForwardRequest request, ServerCallContext context) =>
        Task.FromResult(gate.Services.Streaming.PortForward(request));
}
