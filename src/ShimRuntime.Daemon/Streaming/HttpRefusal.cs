using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Streaming;

/// <summary>A request that gets an HTTP error instead of a stream.</summary>
internal sealed class HttpRefusal(int status, string message) : Exception(message)
{
    public int Status { get; } = status;

    public static HttpRefusal From(RuntimeFault fault) => new(
        fault.Code switch
        {
            FaultCode.InvalidArgument => 400,
            FaultCode.NotFound => 404,
            FaultCode.FailedPrecondition => 409,
            FaultCode.ResourceExhausted => 429,
            FaultCode.Unavailable => 503,
            _ => 500,
        },
        fault.Message);

    public string Reason => Status switch
    {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
}
