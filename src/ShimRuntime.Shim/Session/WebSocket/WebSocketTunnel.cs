using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.WebSocket;

/// <summary>SPDY's bytes as the messages of a WebSocket, both ways, cut anywhere (Kubernetes KEP-4006).</summary>
internal sealed class WebSocketTunnel : ITransport, IMessageSink
{
    private readonly WebSocketConnection _connection;

    public WebSocketTunnel(WebSocketConnection connection)
    {
        _connection = connection;
        connection.Sink = this;
    }

    public IReceiver? Receiver { get; set; }

    public bool IsCongested => _connection.IsCongested;

    public void Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body) => _connection.Send(head, body);

    public void CloseWhenFlushed() => _connection.Close();

    public void BeginMessage()
    {
    }

    public void Data(ReadOnlySpan<byte> bytes) => Receiver?.Receive(bytes);

    public void EndMessage()
    {
    }
}
