using Google.Protobuf;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.ShimProtocol;

/// <summary>One call under way: where its data frames and its response go.</summary>
internal sealed class ClientStream(Action<ReadOnlyMemory<byte>>? onData)
{
    private readonly TaskCompletionSource<ByteString> _response = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The payload of the Response, or the fault that it carried.</summary>
    public Task<ByteString> Response => _response.Task;

    public void Data(ReadOnlyMemory<byte> payload)
    {
        if (onData is null) throw new FrameException("a data frame on a stream that has none");
        onData(payload);
    }

    public void Complete(Response response)
    {
        if (response.Status is { Code: not 0 } status)
            _response.TrySetException(new ShimFault((Linux.FaultCode)status.Code, status.Message));
        else
            _response.TrySetResult(response.Payload);
    }

    public void Fail(ShimFault fault) => _response.TrySetException(fault);
}
