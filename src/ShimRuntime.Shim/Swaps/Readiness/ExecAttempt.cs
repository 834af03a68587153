using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Execs;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>A command in the new generation that has to end with 0; its output is of no interest.</summary>
internal sealed class ExecAttempt(Func<ExecTable> execs, ByteString processJson, TimeSpan longest) : IAttempt, IExecClient
{
    private Action<string?>? _onDone;

    public ShimCall? Call => null;

    public bool IsCongested => false;

    public Action? OnAbandoned { get; set; }

    public Action? OnDrained { get; set; }

    public void Begin(Action<string?> onDone)
    {
        _onDone = onDone;
        var request = new ExecSyncRequest { ProcessJson = processJson, TimeoutMilliseconds = (ulong)longest.TotalMilliseconds, MaxOutputBytes = 1 };
        try
        {
            execs().Start(this, request);
        }
        catch (Exception e) when (e is RuntimeFault or IOException)
        {
            Done(e.Message);
        }
    }

    public void Cancel()
    {
        _onDone = null;
        var abandon = OnAbandoned;
        OnAbandoned = null;
        abandon?.Invoke();
    }

    public void SendOutput(bool stderr, ReadOnlySpan<byte> bytes)
    {
    }

    public void Finish(ExecSyncResult result) => Done(result.TimedOut ? $"the command did not end within {longest.TotalSeconds:0.###} s"
        : result.ExitCode == 0 ? null : $"the command ended with {result.ExitCode}");

    public void Fail(FaultCode code, string message) => Done(message);

    private void Done(string? failure)
    {
        OnAbandoned = null;
        var done = _onDone;
        _onDone = null;
        done?.Invoke(failure);
    }
}
