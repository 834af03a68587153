using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Execs;

/// <summary>A caller of ExecSync.</summary>
internal sealed class ExecCaller(ShimCall call) : IExecClient
{
    public ShimCall? Call => call;

    public bool IsCongested => call.IsCongested;

    public Action? OnAbandoned { set => call.OnAbandoned = value; }

    public Action? OnDrained { set => call.OnDrained = value; }

    public void SendOutput(bool stderr, ReadOnlySpan<byte> bytes) => call.SendOutput(stderr, bytes);

    public void Finish(ExecSyncResult result)
    {
        call.Send(new ExecSyncFrame { Result = result });
        call.Complete();
    }

    public void Fail(FaultCode code, string message) => call.Fail(code, message);
}
