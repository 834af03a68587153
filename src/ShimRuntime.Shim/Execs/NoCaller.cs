using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Execs;

/// <summary>Of an exec that nobody waits for any more: what it says is dropped.</summary>
internal sealed class NoCaller : IExecClient
{
    public ShimCall? Call => null;

    public bool IsCongested => false;

    public Action? OnAbandoned { get; set; }

    public Action? OnDrained { get; set; }

    public void SendOutput(bool stderr, ReadOnlySpan<byte> bytes)
    {
    }

    public void Finish(ExecSyncResult result)
    {
    }

    public void Fail(FaultCode code, string message)
    {
    }
}
