namespace ShimRuntime.Linux;

/// <summary>
/// An error that a client sees: "failed to &lt;verb&gt; &lt;noun&gt; '&lt;id&gt;': &lt;cause&gt;; &lt;what to do&gt;". Mapped to a gRPC status in the
/// daemon's FaultInterceptor alone.
/// </summary>
public sealed class RuntimeFault : Exception
{
    public RuntimeFault(FaultCode code, string message, Exception? inner = null) : base(message, inner) => Code = code;

    public FaultCode Code { get; }

    public static RuntimeFault InvalidArgument(string message) => new(FaultCode.InvalidArgument, message);

    public static RuntimeFault NotFound(string message) => new(FaultCode.NotFound, message);

    public static RuntimeFault FailedPrecondition(string message) => new(FaultCode.FailedPrecondition, message);

    public static RuntimeFault Internal(string message, Exception? inner = null) => new(FaultCode.Internal, message, inner);
}
