using System.Buffers.Binary;
using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.Spdy;

/// <summary>
/// The server's end of SPDY/3.1 (draft 3.1 of the SPDY protocol), as far as Kubernetes uses it: the client opens streams, both send
/// data on them. Data goes to its stream as it comes; only control frames are held, at most 32 KiB. Streams at once, headers and
/// frames are bounded; what breaks the protocol ends the connection.
/// </summary>
internal sealed partial class SpdyConnection : IReceiver, IDisposable
{
    public const int DefaultWindowBytes = 64 * 1024;
    public const uint StatusProtocolError = 1;
    public const uint StatusInvalidStream = 2;
    public const uint StatusRefusedStream = 3;
    public const uint StatusCancel = 5;
    private const int MaxControlBytes = 32 * 1024;
    private const int MaxStreams = 1024;
    private const int SettingInitialWindow = 7;
    private readonly ITransport _transport;
    private readonly Action<SpdyStream> _onStream;
    private readonly Dictionary<uint, SpdyStream> _streams = [];
    private readonly HeaderBlockReader _reader = new();
    private readonly HeaderBlockWriter _writer = new();
    private readonly byte[] _head = new byte[SpdyFrameHeader.Bytes];
    private readonly byte[] _control = new byte[MaxControlBytes];
    private SpdyFrameHeader _frame;
    private int _headBytes;
    private int _bodyBytes;
    private uint _lastStream;
    private bool _closing;

    /// <param name="onStream">Told of each new stream; sets its sink before it returns.</param>
    public SpdyConnection(ITransport transport, Action<SpdyStream> onStream) => (_transport, _onStream) = (transport, onStream);

    /// <summary>True once the client has shown that it keeps windows.</summary>
    public bool ObeysWindows { get; private set; }

    internal long InitialSendWindow { get; private set; } = DefaultWindowBytes;

    internal bool IsCongested => _transport.IsCongested;

    public void Receive(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_headBytes < SpdyFrameHeader.Bytes)
            {
                bytes = bytes[TakeHead(bytes)..];
                if (_headBytes == SpdyFrameHeader.Bytes) BeginFrame();
                continue;
            }

            var part = bytes[..Math.Min(bytes.Length, _frame.Length - _bodyBytes)];
            TakeBody(part);
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>The socket has caught up: those that wait for room go on.</summary>
    public void Drained()
    {
        foreach (var stream in _streams.Values.ToArray())
        {
            if (stream.Room > 0) stream.OnRoom?.Invoke();
        }
    }

    /// <summary>Says goodbye and ends the connection when everything has left.</summary>
    public void Close()
    {
        if (_closing) return;
        _closing = true;
        Span<byte> body = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(body, _lastStream);
        body[4..].Clear();
        SendControl(SpdyFrameType.GoAway, 0, body);
        _transport.CloseWhenFlushed();
    }

    /// <summary>The connection has ended.</summary>
    public void Abort()
    {
        _closing = true;
        foreach (var stream in _streams.Values.ToArray()) stream.Abort();
    }

    public void Dispose() => _reader.Dispose();

    internal void Forget(SpdyStream stream) => _streams.Remove(stream.Id);

    private int TakeHead(ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, SpdyFrameHeader.Bytes - _headBytes);
        bytes[..count].CopyTo(_head.AsSpan(_headBytes));
        _headBytes += count;
        return count;
    }

    private void BeginFrame()
    {
        _frame = SpdyFrameHeader.Read(_head);
        _bodyBytes = 0;
        if (_frame.IsControl && _frame.Length > MaxControlBytes)
            throw new WireException($"a control frame of {_frame.Length} bytes; {MaxControlBytes} are the most");
        if (_frame.Length == 0) EndFrame();
    }

    private void TakeBody(ReadOnlySpan<byte> part)
    {
        if (_frame.IsControl) part.CopyTo(_control.AsSpan(_bodyBytes));
        else if (_streams.TryGetValue(_frame.StreamId, out var stream) && !stream.ReceivedFin) stream.Received(part);
        _bodyBytes += part.Length;
        if (_bodyBytes == _frame.Length) EndFrame();
    }

    private void EndFrame()
    {
        _headBytes = 0;
        if (_frame.IsControl) Control((SpdyFrameType)_frame.Type, _control.AsSpan(0, _frame.Length));
        else EndData();
    }

    private void EndData()
    {
        if (_streams.TryGetValue(_frame.StreamId, out var stream))
        {
            if (_frame.IsFin) stream.ReceiveFin();
        }
        else if (_frame.StreamId == 0 || _frame.StreamId > _lastStream)
        {
            // Never opened. (One that is over is no error: its last frames may cross our reset.)
            SendReset(_frame.StreamId, StatusInvalidStream);
        }
    }

    private void Control(SpdyFrameType type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case SpdyFrameType.SynStream:
                OpenStream(body);
                break;
            case SpdyFrameType.SynReply or SpdyFrameType.Headers:
                // Carry nothing for us, but the compression's state goes through every block.
                _ = _reader.Read(Tail(body, 4));
                break;
            case SpdyFrameType.RstStream:
                if (_streams.TryGetValue(Number(body), out var reset)) reset.Abort();
                break;
            case SpdyFrameType.Settings:
                Settings(body);
                break;
            case SpdyFrameType.Ping:
                // An even id is the answer to a ping of ours, and we send none.
                if ((Number(body) & 1) == 1) SendControl(SpdyFrameType.Ping, 0, body[..4]);
                break;
            case SpdyFrameType.WindowUpdate:
                ObeysWindows = true;
                if (_streams.TryGetValue(Number(body) & 0x7fffffff, out var widened)) widened.Widen(Number(Tail(body, 4)) & 0x7fffffff);
                break;
            default:
                break; // GOAWAY: the client opens no more, which needs no answer. Unknown ones are to be ignored (section 2.2.1).
        }
    }

    private void OpenStream(ReadOnlySpan<byte> body)
    {
        var id = Number(body) & 0x7fffffff;
        var headers = _reader.Read(Tail(body, 10));
        if ((id & 1) == 0 || id <= _lastStream) throw new WireException($"stream {id} opened after stream {_lastStream}");
        _lastStream = id;
        if (_closing || _streams.Count >= MaxStreams)
        {
            SendReset(id, StatusRefusedStream);
            return;
        }

        var stream = new SpdyStream(this, id, headers);
        _streams[id] = stream;
        SendReply(id);
        _onStream(stream);
        if (_frame.IsFin) stream.ReceiveFin();
    }

    private void Settings(ReadOnlySpan<byte> body)
    {
        var count = Number(body);
        body = Tail(body, 4);
        for (var i = 0; i < count; i++, body = body[8..])
        {
            if (body.Length < 8) throw new WireException("a SETTINGS frame that is too short");
            if ((Number(body) & 0xffffff) != SettingInitialWindow) continue;
            var window = Number(body[4..]) & 0x7fffffff;
            var change = window - InitialSendWindow;
            InitialSendWindow = window;
            ObeysWindows = true;
            foreach (var stream in _streams.Values.ToArray()) stream.Widen(change);
        }
    }

    private static uint Number(ReadOnlySpan<byte> body) =>
        body.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(body) : throw new WireException("a control frame that is too short");

    private static ReadOnlySpan<byte> Tail(ReadOnlySpan<byte> body, int from) =>
        body.Length >= from ? body[from..] : throw new WireException("a control frame that is too short");
}
