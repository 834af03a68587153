using System.Buffers;
using System.Buffers.Text;
using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.WebSocket;

/// <summary>
/// Kubernetes' channels on a WebSocket (k8s.io/streaming, wsstream): the first byte of each message is the channel's number, or the
/// digit of it before base64. A number that nobody has is dropped, as kubelet does.
/// </summary>
internal sealed class WebSocketChannels : IMessageSink
{
    private const byte EndSignal = 255;
    private const int Base64Chunk = 3 * 1024;
    private readonly WebSocketConnection _connection;
    private readonly ChannelFormat _format;
    private readonly WebSocketStream[] _streams;
    private readonly byte[] _quad = new byte[4];
    private int _quadBytes;
    private int _channel = -1; // of the message at hand; -1: not known yet

    public WebSocketChannels(WebSocketConnection connection, ChannelFormat format, int count)
    {
        (_connection, _format) = (connection, format);
        _streams = [.. Enumerable.Range(0, count).Select(i => new WebSocketStream(this, (byte)i))];
        connection.Sink = this;
    }

    public bool IsCongested => _connection.IsCongested;

    public WebSocketStream this[int number] => _streams[number];

    /// <summary>The socket has caught up.</summary>
    public void Drained()
    {
        foreach (var stream in _streams) stream.OnRoom?.Invoke();
    }

    public void Close() => _connection.Close();

    /// <summary>The connection has ended.</summary>
    public void Abort()
    {
        foreach (var stream in _streams) stream.Abort();
    }

    public void BeginMessage() => (_channel, _quadBytes) = (-1, 0);

    public void Data(ReadOnlySpan<byte> bytes)
    {
        if (_channel < 0)
        {
            _channel = _format.IsBase64 ? bytes[0] - '0' : bytes[0];
            bytes = bytes[1..];
        }

        if (_channel == EndSignal && _format.HearsEnd)
        {
            foreach (var ended in bytes)
            {
                if (ended < _streams.Length) _streams[ended].ReceiveEnd();
            }
        }
        else if (_channel >= 0 && _channel < _streams.Length && !bytes.IsEmpty)
        {
            if (_format.IsBase64) Decode(_streams[_channel], bytes);
            else _streams[_channel].Received(bytes);
        }
    }

    public void EndMessage()
    {
        if (_quadBytes != 0) throw new WireException("a message whose base64 is cut short");
    }

    internal void Send(byte channel, ReadOnlySpan<byte> bytes)
    {
        if (!_format.IsBase64)
        {
            _connection.Send([channel], bytes);
            return;
        }

        Span<byte> text = stackalloc byte[1 + (Base64Chunk / 3 * 4)];
        do
        {
            var part = bytes[..Math.Min(bytes.Length, Base64Chunk)];
            bytes = bytes[part.Length..];
            text[0] = (byte)('0' + channel);
            Base64.EncodeToUtf8(part, text[1..], out _, out var written);
            _connection.Send([], text[..(1 + written)], true);
        }
        while (!bytes.IsEmpty);
    }

    internal void TellEnd(byte channel)
    {
        if (_format.TellsEnd) _connection.Send([EndSignal], [channel]);
    }

    /// <summary>Four characters at a time, wherever the message is cut.</summary>
    private void Decode(WebSocketStream stream, ReadOnlySpan<byte> text)
    {
        Span<byte> bytes = stackalloc byte[Base64Chunk];
        var filled = 0;
        foreach (var character in text)
        {
            _quad[_quadBytes++] = character;
            if (_quadBytes < _quad.Length) continue;
            _quadBytes = 0;
            if (Base64.DecodeFromUtf8(_quad, bytes[filled..], out _, out var count) != OperationStatus.Done)
                throw new WireException("a message that is not base64");
            filled += count;
            if (filled + 3 <= bytes.Length) continue;
            stream.Received(bytes[..filled]);
            filled = 0;
        }

        if (filled > 0) stream.Received(bytes[..filled]);
    }
}
