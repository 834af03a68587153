using System.Buffers;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.ShimProtocol.Tests.Frames;

public class FrameDecoderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Frames_come_out_as_they_went_in_however_the_stream_is_sliced(int seed)
    {
        var random = new Random(seed);
        var wire = new ArrayBufferWriter<byte>();
        var sent = new List<(FrameHeader Header, byte[] Payload)>();
        for (var i = 0; i < 200; i++) sent.Add(AppendRandom(wire, random));

        var received = Decode(wire.WrittenSpan.ToArray(), random);

        Assert.Equal(sent.Count, received.Count);
        for (var i = 0; i < sent.Count; i++)
        {
            Assert.Equal(sent[i].Header, received[i].Header);
            Assert.Equal(sent[i].Payload, received[i].Payload);
        }
    }

    [Fact]
    public void The_largest_frame_passes()
    {
        var payload = new byte[FrameHeader.MaxPayloadBytes];
        new Random(7).NextBytes(payload);
        var wire = new byte[FrameHeader.SizeBytes + payload.Length];
        new FrameHeader(payload.Length, 9, FrameType.Data, FrameFlags.None).Write(wire);
        payload.CopyTo(wire, FrameHeader.SizeBytes);

        var frame = Assert.Single(Decode(wire, new Random(8)));

        Assert.Equal(payload, frame.Payload);
    }

    [Fact]
    public void A_length_above_the_cap_is_refused_before_the_payload_comes()
    {
        var decoder = new FrameDecoder();
        Feed(decoder, [0, 0x40, 0, 1, 0, 0, 0, 1, 1, 0]);
        Assert.Throws<FrameException>(() => decoder.TryRead(out _));
    }

    [Fact]
    public void An_announced_length_alone_reserves_no_memory()
    {
        var decoder = new FrameDecoder();
        Feed(decoder, [0, 0x40, 0, 0, 0, 0, 0, 1, 1, 0]);
        Assert.False(decoder.TryRead(out _));
        Assert.True(decoder.GetMemory().Length <= 8192);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(255)]
    public void Unknown_types_are_refused(byte type)
    {
        var decoder = new FrameDecoder();
        Feed(decoder, [0, 0, 0, 0, 0, 0, 0, 1, type, 0]);
        Assert.Throws<FrameException>(() => decoder.TryRead(out _));
    }

    [Fact]
    public void Garbage_ends_in_a_frame_exception_or_in_frames_that_lie_within_the_input()
    {
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var garbage = new byte[random.Next(0, 4000)];
            random.NextBytes(garbage);
            // Half of the runs get plausible lengths, so that the decoder gets past the first header.
            for (var at = 0; seed % 2 == 0 && at + 10 < garbage.Length; at += 10 + garbage[at + 3])
                (garbage[at], garbage[at + 1], garbage[at + 2], garbage[at + 8]) = (0, 0, 0, (byte)random.Next(1, 5));
            try
            {
                var frames = Decode(garbage, random);
                Assert.True(frames.Sum(f => FrameHeader.SizeBytes + f.Payload.Length) <= garbage.Length);
            }
            catch (FrameException)
            {
                // the connection would be closed
            }
        }
    }

    [Fact]
    public void A_message_larger_than_a_frame_is_not_written_at_all()
    {
        var wire = new ArrayBufferWriter<byte>();
        var message = new Request { Method = new string('x', FrameHeader.MaxPayloadBytes) };
        Assert.Throws<FrameException>(() => FrameEncoder.Write(wire, 1, FrameType.Request, FrameFlags.None, message));
        Assert.Equal(0, wire.WrittenCount);
    }

    private static (FrameHeader Header, byte[] Payload) AppendRandom(ArrayBufferWriter<byte> wire, Random random)
    {
        var payload = new byte[random.Next(4) == 0 ? random.Next(100_000) : random.Next(200)];
        random.NextBytes(payload);
        var header = new FrameHeader(payload.Length, (uint)random.Next(), (FrameType)random.Next(1, 4), (FrameFlags)random.Next(8));
        header.Write(wire.GetSpan(FrameHeader.SizeBytes));
        wire.Advance(FrameHeader.SizeBytes);
        wire.Write(payload);
        return (header, payload);
    }

    private static List<(FrameHeader Header, byte[] Payload)> Decode(byte[] wire, Random random)
    {
        var decoder = new FrameDecoder();
        var frames = new List<(FrameHeader, byte[])>();
        for (var at = 0; at < wire.Length;)
        {
            var memory = decoder.GetMemory();
            Assert.False(memory.IsEmpty);
            var count = Math.Min(Math.Min(memory.Length, wire.Length - at), random.Next(4) == 0 ? 1 : random.Next(1, 70_000));
            wire.AsSpan(at, count).CopyTo(memory.Span);
            decoder.Advance(count);
            at += count;
            while (decoder.TryRead(out var frame)) frames.Add((frame.Header, frame.Payload.ToArray()));
        }

        return frames;
    }

    private static void Feed(FrameDecoder decoder, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(decoder.GetMemory().Span);
        decoder.Advance(bytes.Length);
    }
}
