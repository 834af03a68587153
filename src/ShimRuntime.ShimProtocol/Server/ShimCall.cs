using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.State;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.ShimProtocol;

/// <summary>One call at the shim: answered exactly once by <see cref="Reply"/> or <see cref="Fail"/>, or abandoned by its caller.</summary>
public sealed class ShimCall
{
    private readonly ShimConnection _connection;

    internal ShimCall(ShimConnection connection, uint streamId, string method, ByteString payload) =>
        (_connection, StreamId, Method, Payload) = (connection, streamId, method, payload);

    public string Method { get; }

    public ByteString Payload { get; }

    /// <summary>False once answered or abandoned: nothing can be sent any more, and sending does nothing.</summary>
    public bool IsOpen { get; private set; } = true;

    /// <summary>Called when the caller has cancelled or its connection has ended, before an answer.</summary>
    public Action? OnAbandoned { get; set; }

    /// <summary>Called when <see cref="IsCongested"/> has become false again.</summary>
    public Action? OnDrained { get; set; }

    /// <summary>The caller reads slower than we write: produce nothing until <see cref="OnDrained"/>.</summary>
    public bool IsCongested => _connection.IsCongested;

    internal uint StreamId { get; }

    /// <summary>Its place, for another program in this process that answers in our stead; null: nobody waits for an answer any more.</summary>
    public SavedCall? Save() => IsOpen ? new SavedCall { Connection = _connection.Descriptor, Stream = StreamId } : null;

    /// <summary>A descriptor that came along, the caller's to close; -1: none did.</summary>
    public int TakeDescriptor() => _connection.TakeDescriptor();

    public void Reply(IMessage payload) => Answer(new Response { Payload = payload.ToByteString() });

    /// <summary>The end of a streaming answer.</summary>
    public void Complete() => Answer(new Response());

    public void Fail(FaultCode code, string message) =>
        Answer(new Response { Status = new Status { Code = (int)code, Message = message } });

    /// <summary>One message of a streaming answer.</summary>
    public void Send(IMessage message)
    {
        if (IsOpen) _connection.Send(StreamId, FrameType.Data, FrameFlags.None, message);
    }

    /// <summary>Output of an exec, encoded in place: an <see cref="ExecSyncFrame"/> without a copy on the heap.</summary>
    public void SendOutput(bool stderr, ReadOnlySpan<byte> bytes)
    {
        if (IsOpen) _connection.SendOutput(StreamId, stderr, bytes);
    }

    /// <summary>One message of a streaming answer with descriptors, all or nothing; false when the socket has no room for them now.</summary>
    public bool TrySend(IMessage message, IReadOnlyList<int> descriptors) => IsOpen && _connection.TrySend(StreamId, message, descriptors);

    internal void Abandon()
    {
        if (!IsOpen) return;
        IsOpen = false;
        OnAbandoned?.Invoke();
    }

    private void Answer(Response response)
    {
        if (!IsOpen) return;
        IsOpen = false;
        Failpoint.Hit($"ShimProtocol.ShimCall.Answer:{Method}.before");
        _connection.Answer(StreamId, response);
        Failpoint.Hit($"ShimProtocol.ShimCall.Answer:{Method}.after");
    }
}
