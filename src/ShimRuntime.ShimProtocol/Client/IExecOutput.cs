namespace ShimRuntime.ShimProtocol;

/// <summary>
/// Takes what an ExecSync'ed process writes. Called from the connection's reader, one call at a time: copy and return, never wait. The
/// spans are valid during the call only.
/// </summary>
public interface IExecOutput
{
    void Stdout(ReadOnlySpan<byte> bytes);

    void Stderr(ReadOnlySpan<byte> bytes);
}
