using System.Buffers.Binary;
using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.WebSocket;

/// <summary>
/// The server's end of a WebSocket after its handshake (RFC 6455). Text and binary messages are one to it; pings are answered, a close
/// too. The client must mask (section 5.1); a frame may have 16 MiB, and is never held.
/// </summary>
internal sealed class WebSocketConnection(ITransport transport) : IReceiver
{
    private const int Continuation = 0;
    private const int Text = 1;
    private const int Binary = 2;
    private const int CloseFrame = 8;
    private const int Ping = 9;
    private const int Pong = 10;
    private const int MaxHeadBytes = 14;
    private const int MaxControlBytes = 125;
    private const int MaxFrameBytes = 16 * 1024 * 1024;
    private const int MaskBytes = 4;
    private const int ScratchBytes = 4096;
    private readonly byte[] _head = new byte[MaxHeadBytes];
    private readonly byte[] _control = new byte[MaxControlBytes];
    private readonly byte[] _scratch = new byte[ScratchBytes];
    private int _headBytes;
    private int _opcode;
    private bool _final;
    private long _length;
    private long _taken;
    private bool _inMessage;
    private bool _closing;

    public IMessageSink? Sink { get; set; }

    public bool IsCongested => transport.IsCongested;

    public void Receive(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_headBytes < HeadLength())
            {
                _head[_headBytes++] = bytes[0];
                bytes = bytes[1..];
                if (_headBytes == 2 && (_head[1] & 0x80) == 0) throw new WireException("a frame that is not masked");
                if (_headBytes >= 2 && _headBytes == HeadLength()) BeginFrame();
                continue;
            }

            var part = bytes[..(int)Math.Min(bytes.Length, _length - _taken)];
            bytes = bytes[part.Length..];
            TakeMasked(part);
        }
    }

    /// <summary>One message of <paramref name="head"/> and <paramref name="body"/> in a single frame.</summary>
    public void Send(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, bool text = false)
    {
        if (!_closing) SendFrame(text ? Text : Binary, head, body);
    }

    /// <summary>Says goodbye (1000, normal closure) and ends the connection when everything has left.</summary>
    public void Close() => Close([0x03, 0xe8]);

    private void Close(ReadOnlySpan<byte> reason)
    {
        if (_closing) return;
        SendFrame(CloseFrame, [], reason);
        _closing = true;
        transport.CloseWhenFlushed();
    }

    private int HeadLength()
    {
        if (_headBytes < 2) return 2;
        return 2 + MaskBytes + (_head[1] & 0x7f) switch { 126 => 2, 127 => 8, _ => 0 };
    }

    private void BeginFrame()
    {
        if ((_head[0] & 0x70) != 0) throw new WireException("a frame of an extension that was not agreed on");
        _final = (_head[0] & 0x80) != 0;
        _opcode = _head[0] & 0x0f;
        _taken = 0;
        _length = (_head[1] & 0x7f) switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(_head.AsSpan(2)),
            127 => BinaryPrimitives.ReadInt64BigEndian(_head.AsSpan(2)),
            var small => small,
        };
        if (_length is < 0 or > MaxFrameBytes) throw new WireException($"a frame of more than {MaxFrameBytes} bytes");
        CheckOrder();
        if (_length == 0) EndFrame();
    }

    private void CheckOrder()
    {
        if (_opcode >= CloseFrame)
        {
            if (!_final || _length > MaxControlBytes) throw new WireException("a control frame that is fragmented or too long");
            return;
        }

        if (_opcode > Binary) throw new WireException($"a frame of unknown type {_opcode}");
        if (_opcode == Continuation != _inMessage) throw new WireException("a message that begins within another, or a rest without one");
        if (_inMessage) return;
        _inMessage = true;
        Sink?.BeginMessage();
    }

    private void TakeMasked(ReadOnlySpan<byte> part)
    {
        var mask = _head.AsSpan(_headBytes - MaskBytes, MaskBytes);
        while (!part.IsEmpty)
        {
            var count = Math.Min(part.Length, ScratchBytes);
            for (var i = 0; i < count; i++) _scratch[i] = (byte)(part[i] ^ mask[(int)((_taken + i) & 3)]);
            if (_opcode >= CloseFrame) _scratch.AsSpan(0, count).CopyTo(_control.AsSpan((int)_taken));
            else Sink?.Data(_scratch.AsSpan(0, count));
            _taken += count;
            part = part[count..];
        }

        if (_taken == _length) EndFrame();
    }

    private void EndFrame()
    {
        _headBytes = 0;
        switch (_opcode)
        {
            case CloseFrame:
                // Its status code is echoed (section 5.5.1).
                Close(_control.AsSpan(0, (int)Math.Min(2, _length)));
                break;
            case Ping:
                if (!_closing) SendFrame(Pong, [], _control.AsSpan(0, (int)_length));
                break;
            case Pong:
                break;
            default:
                if (!_final) break;
                _inMessage = false;
                Sink?.EndMessage();
                break;
        }
    }

    private void SendFrame(int opcode, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        const int plainHead = 10;
        Span<byte> frame = stackalloc byte[plainHead + 64];
        var length = head.Length + body.Length;
        frame[0] = (byte)(0x80 | opcode);
        var at = 2;
        if (length < 126)
        {
            frame[1] = (byte)length;
        }
        else if (length <= ushort.MaxValue)
        {
            frame[1] = 126;
            BinaryPrimitives.WriteUInt16BigEndian(frame[2..], (ushort)length);
            at = 4;
        }
        else
        {
            frame[1] = 127;
            BinaryPrimitives.WriteInt64BigEndian(frame[2..], length);
            at = 10;
        }

        head.CopyTo(frame[at..]);
        transport.Write(frame[..(at + head.Length)], body);
    }
}
