using System.Net.WebSockets;

namespace ShimRuntime.Cli.Streams;

/// <summary>A WebSocket with v5.channel.k8s.io on it: each message is a channel's number and its bytes; 255 and a number ends a channel.</summary>
internal sealed class ChannelSocket : IDisposable
{
    public const byte EndSignal = 255;
    private const string Protocol = "v5.channel.k8s.io";
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _channel = -1;

    /// <exception cref="IOException">The stream is not served, with the server's reason.</exception>
    public static async Task<ChannelSocket> ConnectAsync(string url, CancellationToken cancellation)
    {
        var channels = new ChannelSocket();
        channels._socket.Options.AddSubProtocol(Protocol);
        channels._socket.Options.Proxy = null;
        try
        {
            await channels._socket.ConnectAsync(new UriBuilder(url) { Scheme = "ws" }.Uri, cancellation);
            return channels;
        }
        catch (WebSocketException e)
        {
            channels.Dispose();
            throw new IOException($"failed to open the stream: {e.Message}", e);
        }
    }

    public async Task SendAsync(byte channel, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        await _sending.WaitAsync(cancellation);
        try
        {
            await _socket.SendAsync((byte[])[channel, .. bytes.Span], WebSocketMessageType.Binary, true, cancellation);
        }
        finally
        {
            _sending.Release();
        }
    }

    public Task EndAsync(byte channel, CancellationToken cancellation) => SendAsync(EndSignal, new[] { channel }, cancellation);

    /// <summary>The next bytes of a channel, valid until the next call; channel -1: the server has closed.</summary>
    public async Task<(int Channel, ReadOnlyMemory<byte> Bytes)> ReceiveAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var got = await NextAsync(cancellation);
            if (got.MessageType == WebSocketMessageType.Close) return (-1, default);
            var bytes = _buffer.AsMemory(0, got.Count);
            if (_channel < 0 && got.Count > 0) (_channel, bytes) = (bytes.Span[0], bytes[1..]);
            var channel = _channel;
            if (got.EndOfMessage) _channel = -1;
            if (channel >= 0 && !bytes.IsEmpty) return (channel, bytes);
        }
    }

    private async Task<ValueWebSocketReceiveResult> NextAsync(CancellationToken cancellation)
    {
        try
        {
            return await _socket.ReceiveAsync(_buffer.AsMemory(), cancellation);
        }
        catch (WebSocketException e)
        {
            throw new IOException($"the stream broke: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _sending.Dispose();
    }
}
