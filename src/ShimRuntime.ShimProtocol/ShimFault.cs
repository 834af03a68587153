using ShimRuntime.Linux;

namespace ShimRuntime.ShimProtocol;

/// <summary>
/// What a call to a shim failed with: the shim's own answer, or <see cref="FaultCode.Unavailable"/> when the connection could not be
/// made or ended before the answer.
/// </summary>
public sealed class ShimFault(FaultCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public FaultCode Code { get; } = code;
}
