using System.Buffers.Binary;
using System.Text;
using ShimRuntime.Shim.Session.WebSocket;
using ShimRuntime.Shim.Session.Wire;
using Xunit;

namespace ShimRuntime.Shim.Tests.Session;

/// <summary>RFC 6455's frames and Kubernetes' channels on them.</summary>
public sealed class WebSocketTests
{
    private readonly CollectingTransport _transport = new();
    private readonly WebSocketConnection _connection;

    public WebSocketTests() => _connection = new WebSocketConnection(_transport);

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(1_000_000)]
    public void ChannelsComeWhateverTheReadsAndFragments(int cut)
    {
        var (channels, sinks) = Channels(new ChannelFormat(false, true, false));
        var large = new byte[70_000];
        new Random(3).NextBytes(large);
        byte[] sent =
        [
            .. Frame(2, [0, .. "hel"u8]), .. Frame(2, [0], final: false), .. Frame(9, "p"u8.ToArray()), .. Frame(0, "lo"u8.ToArray()), .. Frame(2, [4, .. large]),
            .. Frame(2, [99, 1, 2]), .. Frame(2, []), .. Frame(2, [255, 0]),
        ];
        foreach (var part in sent.Chunk(cut)) _connection.Receive(part);
        Assert.Equal(("hello", true), (Encoding.ASCII.GetString(sinks[0].Bytes), sinks[0].HasEnded));
        Assert.Equal(large, sinks[4].Bytes);
        Assert.Equal([0x8a, 1, (byte)'p'], _transport.Take());
        channels[1].Write("out"u8);
        Assert.Equal([0x82, 4, 1, .. "out"u8], _transport.Take());
    }

    [Fact]
    public void Base64ChannelsAreTextAndMayBeCutAnywhere()
    {
        var (channels, sinks) = Channels(new ChannelFormat(true, false, false));
        _connection.Receive([.. Frame(1, "0aGVs"u8.ToArray(), final: false), .. Frame(0, "bG8="u8.ToArray())]);
        Assert.Equal("hello", Encoding.ASCII.GetString(sinks[0].Bytes));
        channels[2].Write("hello"u8);
        Assert.Equal([0x81, 9, .. "2aGVsbG8="u8], _transport.Take());
        Assert.Throws<WireException>(() => _connection.Receive(Frame(1, "0a~Vs"u8.ToArray())));
        Assert.Throws<WireException>(() => _connection.Receive(Frame(1, "0aGV"u8.ToArray())));
    }

    [Fact]
    public void ACloseIsAnsweredAndEndsTheConnection()
    {
        Channels(new ChannelFormat(false, false, false));
        _connection.Receive(Frame(8, [0x03, 0xe8, (byte)'!']));
        Assert.Equal([0x88, 2, 0x03, 0xe8], _transport.Take());
        Assert.True(_transport.IsClosing);
        _connection.Send([1], [2]);
        Assert.Empty(_transport.Take());
    }

    [Fact]
    public void LengthsAreWrittenAsTheSpecificationWantsThem()
    {
        foreach (var length in new[] { 0, 125, 126, 65_535, 65_536 })
        {
            _connection.Send([], new byte[length]);
            var bytes = _transport.Take();
            var read = bytes[1] switch
            {
                126 => BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(2)),
                127 => BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(2)),
                var small => small,
            };
            Assert.Equal(length, read);
            Assert.Equal(length + (length < 126 ? 2 : length < 65_536 ? 4 : 10), bytes.Length);
        }
    }

    public static TheoryData<string, byte[]> Violations() => new()
    {
        { "unmasked", [0x82, 1, 0] },
        { "reserved bit", [0xc2, 0x80, 0, 0, 0, 0] },
        { "unknown opcode", [0x83, 0x80, 0, 0, 0, 0] },
        { "rest without a message", [0x80, 0x80, 0, 0, 0, 0] },
        { "message within a message", [0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0] },
        { "fragmented ping", [0x09, 0x80, 0, 0, 0, 0] },
        { "long ping", [0x89, 0xfe, 0, 126, 0, 0, 0, 0] },
        { "huge frame", [0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0] },
        { "negative length", [0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(Violations))]
    public void WhatBreaksTheProtocolIsRefused(string what, byte[] bytes)
    {
        Channels(new ChannelFormat(false, true, false));
        var fault = Record.Exception(() => _connection.Receive(bytes));
        Assert.True(fault is WireException, $"{what}: {fault}");
    }

    [Fact]
    public void RandomBytesNeverDoAnythingElse()
    {
        var random = new Random(17);
        for (var round = 0; round < 3000; round++)
        {
            var connection = new WebSocketConnection(new CollectingTransport());
            _ = new WebSocketChannels(connection, new ChannelFormat(round % 2 == 0, true, true), 5);
            byte[] bytes = [.. Frame(2, [0, 1, 2]), .. Frame(9, [1]), .. Frame(1, "0aGVsbG8="u8.ToArray()), .. Frame(2, [255, 0, 9])];
            for (var i = random.Next(1, 6); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var fault = Record.Exception(() =>
            {
                foreach (var part in bytes.Chunk(random.Next(1, 20))) connection.Receive(part);
            });
            Assert.True(fault is null or WireException, $"round {round}: {fault}");
        }
    }

    private (WebSocketChannels Channels, CollectingSink[] Sinks) Channels(ChannelFormat format)
    {
        var channels = new WebSocketChannels(_connection, format, 5);
        var sinks = Enumerable.Range(0, 5).Select(i =>
        {
            var sink = new CollectingSink(channels[i]);
            channels[i].Sink = sink;
            return sink;
        }).ToArray();
        return (channels, sinks);
    }

    private static byte[] Frame(int opcode, byte[] payload, bool final = true)
    {
        byte[] mask = [0x11, 0x22, 0x33, 0x44];
        byte[] length = payload.Length switch
        {
            < 126 => [(byte)(0x80 | payload.Length)],
            <= 65_535 => [0xfe, (byte)(payload.Length >> 8), (byte)payload.Length],
            _ => [0xff, 0, 0, 0, 0, (byte)(payload.Length >> 24), (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length],
        };
        return [(byte)((final ? 0x80 : 0) | opcode), .. length, .. mask, .. payload.Select((b, i) => (byte)(b ^ mask[i & 3]))];
    }
}
