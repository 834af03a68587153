using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>
/// A client of SPDY/3.1 as kubelet and crictl are one: upgrades an HTTP request, opens streams, knows no windows. Header blocks go out
/// as stored blocks behind a zlib header that names SPDY's dictionary; nothing that comes back has headers worth reading.
/// </summary>
public sealed class SpdyClient : IAsyncDisposable
{
    private const uint DictionaryId = 0xe3c6a7c2;
    private readonly Socket _socket;
    private readonly ConcurrentDictionary<uint, SpdyClientStream> _streams = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly ConcurrentQueue<uint> _pongs = new();
    private readonly Task _reader;
    private uint _lastStream;
    private bool _headersBegun;

    private SpdyClient(Socket socket, string protocol)
    {
        (_socket, Protocol) = (socket, protocol);
        _reader = Task.Run(ReadAsync);
    }

    /// <summary>X-Stream-Protocol-Version of the answer.</summary>
    public string Protocol { get; }

    /// <summary>Completes with the connection's end.</summary>
    public Task Ended => _reader;

    /// <summary>Bytes that WINDOW_UPDATE frames have granted, over all streams.</summary>
    public long WindowBytes { get; private set; }

    /// <summary>False: the reader stops, as a client does that hangs.</summary>
    public bool Reads { get; set; } = true;

    public static async Task<SpdyClient> ConnectAsync(string url, params IEnumerable<string> protocols)
    {
        var fields = string.Concat(protocols.Select(p => $"X-Stream-Protocol-Version: {p}\r\n"));
        var (socket, head) = await HttpUpgrade.SendAsync(url, $"POST {{0}} HTTP/1.1\r\nHost: {{1}}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n{fields}\r\n");
        Assert.True(head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal), head);
        var protocol = head.Split("\r\n").FirstOrDefault(l => l.StartsWith("X-Stream-Protocol-Version: ", StringComparison.Ordinal));
        return new SpdyClient(socket, protocol?["X-Stream-Protocol-Version: ".Length..] ?? "");
    }

    public async Task<SpdyClientStream> OpenAsync(params (string Name, string Value)[] headers)
    {
        await _writing.WaitAsync();
        try
        {
            var id = _lastStream += _lastStream == 0 ? 1u : 2u;
            var stream = new SpdyClientStream(this, id);
            _streams[id] = stream;
            var body = new byte[10];
            BinaryPrimitives.WriteUInt32BigEndian(body, id);
            await SendAsync(ControlHead(1, 0), (byte[])[.. body, .. HeaderBlock(headers)]);
            return stream;
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Sends bytes as they are: for a client that breaks the protocol.</summary>
    public async Task SendRawAsync(ReadOnlyMemory<byte> bytes)
    {
        await _writing.WaitAsync();
        try
        {
            await SendAllAsync(bytes);
        }
        finally
        {
            _writing.Release();
        }
    }

    public async Task<uint> PingAsync(uint id)
    {
        var body = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(body, id);
        await SendFrameAsync(ControlHead(6, 0), body);
        uint answer = 0;
        await Eventually.True(() => _pongs.TryDequeue(out answer), "the ping is answered");
        return answer;
    }

    /// <summary>Grants a stream so many bytes more: shows that this client keeps windows.</summary>
    public Task UpdateWindowAsync(uint stream, uint bytes)
    {
        var body = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(body, stream);
        BinaryPrimitives.WriteUInt32BigEndian(body.AsSpan(4), bytes);
        return SendFrameAsync(ControlHead(9, 0), body);
    }

    /// <summary>Vanishes as a killed process does.</summary>
    public void Abort()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        Reads = true;
        _socket.Dispose();
        await _reader;
    }

    internal Task SendDataAsync(uint stream, byte flags, ReadOnlyMemory<byte> bytes)
    {
        var head = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(head, stream);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), ((uint)flags << 24) | (uint)bytes.Length);
        return SendFrameAsync(head, bytes);
    }

    internal Task SendResetAsync(uint stream)
    {
        var body = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(body, stream);
        body[7] = 5;
        return SendFrameAsync(ControlHead(3, 0), body);
    }

    private static byte[] ControlHead(int type, byte flags) => [0x80, 3, 0, (byte)type, flags, 0, 0, 0];

    private async Task SendFrameAsync(byte[] head, ReadOnlyMemory<byte> body)
    {
        await _writing.WaitAsync();
        try
        {
            await SendAsync(head, body);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task SendAsync(byte[] head, ReadOnlyMemory<byte> body)
    {
        head[5] = (byte)(body.Length >> 16);
        head[6] = (byte)(body.Length >> 8);
        head[7] = (byte)body.Length;
        await SendAllAsync(head);
        await SendAllAsync(body);
    }

    private async Task SendAllAsync(ReadOnlyMemory<byte> bytes)
    {
        for (var rest = bytes; rest.Length > 0;) rest = rest[await _socket.SendAsync(rest)..];
    }

    private byte[] HeaderBlock((string Name, string Value)[] headers)
    {
        using var pairs = new MemoryStream();
        Number(pairs, headers.Length);
        foreach (var (name, value) in headers)
        {
            foreach (var text in new[] { name, value })
            {
                Number(pairs, text.Length);
                pairs.Write(Encoding.ASCII.GetBytes(text));
            }
        }

        var length = (ushort)pairs.Length;
        byte[] zlib = [];
        if (!_headersBegun)
        {
            zlib = [0x78, 0xbb, 0, 0, 0, 0];
            BinaryPrimitives.WriteUInt32BigEndian(zlib.AsSpan(2), DictionaryId);
            _headersBegun = true;
        }

        return [.. zlib, 0, (byte)length, (byte)(length >> 8), (byte)~length, (byte)(~length >> 8), .. pairs.ToArray(), 0, 0, 0, 0xff, 0xff];
    }

    private static void Number(MemoryStream target, int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        target.Write(bytes);
    }

    private async Task ReadAsync()
    {
        var head = new byte[8];
        try
        {
            while (await FillAsync(head))
            {
                var body = new byte[(head[5] << 16) | (head[6] << 8) | head[7]];
                if (!await FillAsync(body)) break;
                Take(head, body);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end, whoever made it.
        }

        foreach (var stream in _streams.Values) stream.End();
    }

    private void Take(byte[] head, byte[] body)
    {
        if ((head[0] & 0x80) == 0)
        {
            var stream = _streams[BinaryPrimitives.ReadUInt32BigEndian(head)];
            stream.Take(body);
            if ((head[4] & 1) != 0) stream.End();
            return;
        }

        switch (head[3])
        {
            case 3 when _streams.TryGetValue(BinaryPrimitives.ReadUInt32BigEndian(body), out var reset):
                reset.Reset();
                break;
            case 6:
                _pongs.Enqueue(BinaryPrimitives.ReadUInt32BigEndian(body));
                break;
            case 9:
                WindowBytes += BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(4));
                break;
        }
    }

    private async Task<bool> FillAsync(byte[] target)
    {
        for (var count = 0; count < target.Length;)
        {
            while (!Reads) await Task.Delay(20);
            var got = await _socket.ReceiveAsync(target.AsMemory(count));
            if (got == 0) return false;
            count += got;
        }

        return true;
    }
}
