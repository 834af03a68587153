using System.Diagnostics;
using Grpc.Core;
using Grpc.Core.Interceptors;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Services;

/// <summary>
/// The one place where faults become gRPC statuses, and where a request is measured before anyone works on it. What nobody foresaw
/// is Internal with an id that the log carries with the stack; a client never sees one. Of what disk or kernel refuses it sees the sentence.
/// </summary>
internal sealed class FaultInterceptor(ServiceGate gate, ILogger<FaultInterceptor> log) : Interceptor
{
    /// <summary>As sent: a status message travels in a header, and clients refuse headers of more than some kilobytes.</summary>
    private const int LongestMessageBytes = 4096;

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            RequestLimits.Check(request);
            var response = await continuation(request, context).WaitAsync(gate.Cut);
            log.LogDebug("{Method} in {Ms:0.0} ms", context.Method, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            return response;
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Map(e, context);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context).WaitAsync(gate.Cut);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Map(e, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            RequestLimits.Check(request);
            await continuation(request, responseStream, context).WaitAsync(gate.Cut);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Map(e, context);
        }
    }

    private RpcException Map(Exception error, ServerCallContext context)
    {
        switch (error)
        {
            case RuntimeFault fault:
                var level = fault.Code is FaultCode.Internal or FaultCode.Unknown ? LogLevel.Error : LogLevel.Information;
                // NotFound and Unimplemented are everyday answers: kubelet polls what is gone and tries what is newer.
                if (fault.Code is FaultCode.NotFound or FaultCode.Unimplemented) level = LogLevel.Debug;
                log.Log(level, fault.InnerException, "{Method}: {Code}: {Message}", context.Method, fault.Code, fault.Message);
                return Status((StatusCode)fault.Code, fault.Message);
            case OperationCanceledException when context.CancellationToken.IsCancellationRequested:
                var late = context.Deadline <= DateTime.UtcNow;
                return Status(late ? StatusCode.DeadlineExceeded : StatusCode.Cancelled, "the client stopped waiting; the operation goes on");
            case OperationCanceledException:
                return Status(StatusCode.Unavailable, "failed to finish: the daemon is stopping; try again in a moment");
            case IOException or UnauthorizedAccessException:
                // The disk's or the kernel's refusal: the operator's to mend, so the sentence has to reach him.
                return Status(StatusCode.Internal, $"failed to serve {context.Method}: {error.Message}; the daemon's log says where, under {Logged(error, context)}");
            default:
                return Status(StatusCode.Internal, $"failed to serve {context.Method}: internal error {Logged(error, context)}; "
                    + "the daemon's log has the cause under this id");
        }
    }

    private string Logged(Exception error, ServerCallContext context)
    {
        var id = Guid.NewGuid().ToString("n")[..12];
        log.LogError("{Method}: internal error {Id}: {Error}", context.Method, id, error.ToString());
        return id;
    }

    private static RpcException Status(StatusCode code, string message) => new(new Status(code, Cut(message)));

    /// <summary>gRPC sends printable ASCII as it is, and each byte of anything else as three (grpc over HTTP/2, "Percent-Encoded").</summary>
    internal static string Cut(string message)
    {
        var bytes = 0;
        var at = 0;
        foreach (var rune in message.EnumerateRunes())
        {
            bytes += rune.Value is >= 0x20 and < 0x7f and not '%' ? 1 : 3 * rune.Utf8SequenceLength;
            if (bytes > LongestMessageBytes) return message[..at] + "…";
            at += rune.Utf16SequenceLength;
        }

        return message;
    }
}
