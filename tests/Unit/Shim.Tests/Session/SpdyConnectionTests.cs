using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using ShimRuntime.Shim.Session.Spdy;
using ShimRuntime.Shim.Session.Wire;
using Xunit;

namespace ShimRuntime.Shim.Tests.Session;

/// <summary>SPDY/3.1 as a Go client speaks it: header blocks compressed against the dictionary, data, windows, and what breaks it.</summary>
public sealed class SpdyConnectionTests : IDisposable
{
    // zlib, level 9, with SPDY's dictionary, sync-flushed after each block; names lower-case, as spdystream writes them.
    private const string FirstBlock = "78f9e3c6a7c202e50e703a2b294a4dcc851625aca9a080c652c6305600000000ffff"; // streamtype error, content-type x
    private const string SecondBlock = "021198ea8b4b807908000000ffff"; // streamtype stdin
    private const string ThirdBlock = "02a55f48515e04ce3516061606409ab30812f599a02cc16880a119546e2502000000ffff"; // port 8080, requestid 0, streamtype data
    private readonly CollectingTransport _transport = new();
    private readonly List<SpdyStream> _streams = [];
    private readonly List<CollectingSink> _sinks = [];
    private readonly SpdyConnection _connection;

    public SpdyConnectionTests() => _connection = new SpdyConnection(_transport, stream =>
    {
        _streams.Add(stream);
        var sink = new CollectingSink(stream);
        stream.Sink = sink;
        _sinks.Add(sink);
    });

    public void Dispose() => _connection.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void HeadersAndDataComeWhateverTheReads(int cut)
    {
        byte[] sent =
        [
            .. Syn(1, FirstBlock), .. Syn(3, SecondBlock), .. Data(1, 0, "hel"), .. Syn(5, ThirdBlock), .. Data(1, 1, "lo"), .. Data(3, 0, "other"),
        ];
        foreach (var part in sent.Chunk(cut)) _connection.Receive(part);
        Assert.Equal(["error", "stdin", "data"], _streams.Select(s => s.Header("streamType")));
        Assert.Equal(("8080", "0"), (_streams[2].Header("port"), _streams[2].Header("requestID")));
        Assert.Equal(("hello", true), (Encoding.ASCII.GetString(_sinks[0].Bytes), _sinks[0].HasEnded));
        Assert.Equal(("other", false), (Encoding.ASCII.GetString(_sinks[1].Bytes), _sinks[1].HasEnded));
    }

    [Fact]
    public void RepliesInflateToNoHeaders()
    {
        _connection.Receive([.. Syn(1, FirstBlock), .. Syn(3, SecondBlock)]);
        var bytes = _transport.Bytes;
        var first = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4)) & 0xffffff;
        Assert.Equal((0x80030002u, 1u), (BinaryPrimitives.ReadUInt32BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(8))));
        byte[] blocks = [.. bytes[12..(8 + first)], .. bytes[(8 + first + 12)..]];
        using var zlib = new ZLibStream(new MemoryStream(blocks), CompressionMode.Decompress);
        var pairs = new byte[8];
        zlib.ReadExactly(pairs);
        Assert.Equal(new byte[8], pairs);
    }

    [Fact]
    public void PingsOfTheClientsAreAnsweredAndAnswersAreNot()
    {
        _connection.Receive(Control(6, 0, 0, 0, 7));
        Assert.Equal(Control(6, 0, 0, 0, 7), _transport.Take());
        _connection.Receive(Control(6, 0, 0, 0, 8));
        Assert.Empty(_transport.Take());
    }

    [Fact]
    public void OurWindowIsGrantedAgainAsBytesFindTheirWay()
    {
        _connection.Receive(Syn(1, FirstBlock));
        _transport.Take();
        _connection.Receive(Data(1, 0, new string('x', 32 * 1024)));
        Assert.Equal(Control(9, 0, 0, 0, 1, 0, 0, 0x80, 0), _transport.Take());
    }

    [Fact]
    public void AClientWithoutWindowsGetsAllAndOneWithWindowsWhatItGrants()
    {
        _connection.Receive(Syn(1, FirstBlock));
        _streams[0].Write(new byte[100_000]);
        Assert.Equal(int.MaxValue, _streams[0].Room);
        var resumed = 0;
        _streams[0].OnRoom = () => resumed++;
        _connection.Receive(Control(9, 0, 0, 0, 1, 0, 0, 0x10, 0));
        Assert.Equal((0, 0), (_streams[0].Room, resumed)); // 64 KiB + 4 KiB - 100,000 is less than nothing
        _connection.Receive(Control(9, 0, 0, 0, 1, 0, 1, 0, 0));
        Assert.Equal((65536 + 4096 + 65536 - 100_000, 1), (_streams[0].Room, resumed));
    }

    [Fact]
    public void ASettingOfTheInitialWindowCountsForStreamsThatAreOpenToo()
    {
        _connection.Receive(Syn(1, FirstBlock));
        _connection.Receive(Control(4, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 1, 0));
        Assert.Equal(256, _streams[0].Room);
        _connection.Receive(Syn(3, SecondBlock));
        Assert.Equal(256, _streams[1].Room);
    }

    [Fact]
    public void AStreamIsOverWhenBothHaveFinishedOrOneResets()
    {
        _connection.Receive([.. Syn(1, FirstBlock), .. Syn(3, SecondBlock), .. Data(1, 1, "")]);
        _streams[0].Finish();
        Assert.True(_streams[0].IsOver);
        var aborted = false;
        _streams[1].OnAborted = () => aborted = true;
        _connection.Receive(Control(3, 0, 0, 0, 3, 0, 0, 0, 5));
        Assert.True(aborted && _streams[1].IsOver);
        _transport.Take();
        _streams[1].Write([1, 2, 3]);
        _connection.Receive(Data(3, 0, "late"));
        Assert.Empty(_transport.Take());
        Assert.Empty(_sinks[1].Bytes);
    }

    [Fact]
    public void DataForAStreamThatNeverWasIsAnsweredByAReset()
    {
        _connection.Receive(Data(9, 0, "x"));
        Assert.Equal(Control(3, 0, 0, 0, 9, 0, 0, 0, 2), _transport.Take());
    }

    [Fact]
    public void StreamsBeyondTheLimitAreRefused()
    {
        using var blocks = new BlockWriter();
        for (uint i = 0; i <= 1024; i++) _connection.Receive(Syn((2 * i) + 1, blocks.Block([("streamtype", "data")])));
        Assert.Equal(1024, _streams.Count);
        Assert.Equal(Control(3, 0, 0, 8, 1, 0, 0, 0, 3), _transport.Bytes[^16..]);
    }

    public static TheoryData<string, byte[]> Violations()
    {
        using var large = new BlockWriter();
        using var many = new BlockWriter();
        return new TheoryData<string, byte[]>
        {
            { "version", [0x80, 2, 0, 1, 0, 0, 0, 0] },
            { "even stream id", Syn(2, FirstBlock) },
            { "stream id that goes back", [.. Syn(3, FirstBlock), .. Syn(1, SecondBlock)] },
            { "short SYN_STREAM", Control(1, 0, 0, 0, 1) },
            { "no dictionary", Syn(1, Convert.FromHexString("789c636000000000ffff")) },
            { "not deflate", Syn(1, Convert.FromHexString("78f9e3c6a7c2ffffffffffffffff")) },
            { "cut header block", Syn(1, Convert.FromHexString(FirstBlock)[..20]) },
            { "large header", Syn(1, large.Block([("name", new string('x', 17 * 1024))])) },
            { "many headers", Syn(1, many.Block([.. Enumerable.Range(0, 65).Select(i => ("n", $"{i}"))])) },
            { "large control frame", [0x80, 3, 0, 1, 0, 1, 0, 0] },
            { "short settings", Control(4, 0, 0, 0, 9, 0, 0, 0, 7) },
            { "window beyond 2^31", [.. Syn(1, FirstBlock), .. Control(9, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff)] },
        };
    }

    [Theory]
    [MemberData(nameof(Violations))]
    public void WhatBreaksTheProtocolIsRefused(string what, byte[] bytes)
    {
        var fault = Record.Exception(() => _connection.Receive(bytes));
        Assert.True(fault is WireException, $"{what}: {fault}");
    }

    [Fact]
    public void RandomBytesNeverDoAnythingElse()
    {
        var random = new Random(31);
        for (var round = 0; round < 3000; round++)
        {
            using var connection = new SpdyConnection(new CollectingTransport(), s => s.Sink = new CollectingSink(s));
            byte[] bytes = [.. Syn(1, FirstBlock), .. Syn(3, SecondBlock), .. Data(1, 0, "abc"), .. Control(9, 0, 0, 0, 1, 0, 0, 1, 0), .. Syn(5, ThirdBlock)];
            for (var i = random.Next(1, 6); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var fault = Record.Exception(() =>
            {
                foreach (var part in bytes.Chunk(random.Next(1, 40))) connection.Receive(part);
            });
            Assert.True(fault is null or WireException, $"round {round}: {fault}");
        }
    }

    internal static byte[] Data(uint stream, byte flags, string text)
    {
        var bytes = new byte[8 + text.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, stream);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), ((uint)flags << 24) | (uint)text.Length);
        Encoding.ASCII.GetBytes(text, bytes.AsSpan(8));
        return bytes;
    }

    private static byte[] Control(byte type, params byte[] body) => [0x80, 3, 0, type, 0, 0, 0, (byte)body.Length, .. body];

    private static byte[] Syn(uint stream, string block) => Syn(stream, Convert.FromHexString(block));

    private static byte[] Syn(uint stream, byte[] block)
    {
        var head = new byte[18];
        head[0] = 0x80;
        head[1] = 3;
        head[3] = 1;
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4), block.Length + 10);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(8), stream);
        return [.. head, .. block];
    }

    /// <summary>Header blocks of any content: stored blocks, and raw deflate for what repeats.</summary>
    private sealed class BlockWriter : IDisposable
    {
        private readonly MemoryStream _compressed = new();
        private readonly DeflateStream _deflate;
        private bool _begun;

        public BlockWriter() => _deflate = new DeflateStream(_compressed, CompressionLevel.Fastest, true);

        public byte[] Block((string Name, string Value)[] pairs)
        {
            using var plain = new MemoryStream();
            Number(plain, pairs.Length);
            foreach (var (name, value) in pairs)
            {
                foreach (var text in new[] { name, value })
                {
                    Number(plain, text.Length);
                    plain.Write(Encoding.ASCII.GetBytes(text));
                }
            }

            _compressed.SetLength(0);
            _deflate.Write(plain.ToArray());
            _deflate.Flush();
            byte[] zlib = _begun ? [] : [0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2];
            _begun = true;
            return [.. zlib, .. _compressed.ToArray()];
        }

        public void Dispose()
        {
            _deflate.Dispose();
            _compressed.Dispose();
        }

        private static void Number(MemoryStream target, int value)
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(bytes, value);
            target.Write(bytes);
        }
    }
}
