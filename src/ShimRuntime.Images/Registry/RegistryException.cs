using System.Net;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>One endpoint's failure; the client tries the next endpoint, or turns the last failure into a RuntimeFault.</summary>
internal sealed class RegistryException : Exception
{
    public RegistryException(string message, HttpStatusCode? status = null, Exception? inner = null) : base(message, inner) =>
        Status = status;

    /// <summary>Null: no answer came.</summary>
    public HttpStatusCode? Status { get; }

    /// <summary>How long the registry asked us to wait (Retry-After), if it did.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Worth asking the same endpoint again: no answer, overloaded, or a failure of its own.</summary>
    public bool IsTransient { get; init; }

    public FaultCode Code => Status switch
    {
        HttpStatusCode.NotFound => FaultCode.NotFound,
        HttpStatusCode.Unauthorized => FaultCode.Unauthenticated,
        HttpStatusCode.Forbidden => FaultCode.PermissionDenied,
        HttpStatusCode.TooManyRequests => FaultCode.ResourceExhausted,
        null => IsTransient ? FaultCode.Unavailable : FaultCode.FailedPrecondition,
        >= HttpStatusCode.InternalServerError => FaultCode.Unavailable,
        _ => FaultCode.FailedPrecondition,
    };
}
