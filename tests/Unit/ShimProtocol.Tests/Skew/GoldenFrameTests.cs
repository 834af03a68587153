using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.ShimProtocol.Tests.Skew;

/// <summary>
/// tests/Frozen/shim-protocol-1.frames: each request and answer of protocol 1 as bytes, header included, written once. What a shim or a daemon
/// of that release sends is read here by today's code, and what today's sends by that release's.
/// </summary>
public sealed class GoldenFrameTests
{
    private static readonly ServiceDescriptor Frozen = Frozen1.ShimProtocol1Reflection.Descriptor.Services[0];
    private static readonly IReadOnlyDictionary<string, byte[]> Recorded = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "shim-protocol-1.frames"))
        .Select(line => line.Split(' ')).ToDictionary(parts => $"{parts[0]} {parts[1]}", parts => Convert.FromHexString(parts[2]));

    public static TheoryData<string> Methods() => [.. Frozen.Methods.Select(m => m.Name)];

    /// <summary>The file is what the frozen messages are on the wire, and nothing else.</summary>
    [Fact]
    public void The_recorded_frames_are_those_of_the_frozen_messages()
    {
        var wanted = Frozen.Methods.SelectMany(Frames).ToDictionary(f => f.Name, f => Convert.ToHexString(f.Bytes));
        Assert.Equal(wanted.OrderBy(f => f.Key), Recorded.Select(f => KeyValuePair.Create(f.Key, Convert.ToHexString(f.Value))).OrderBy(f => f.Key));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_request_of_that_daemon_is_read_whole_by_todays_shim(string method)
    {
        var (header, payload) = Read(Recorded[$"request {method}"]);
        Assert.Equal(FrameType.Request, header.Type);
        var request = Request.Parser.ParseFrom(payload);
        Assert.Equal((ShimMethods.Service, method), (request.Service, request.Method));
        AssertSame(request.Payload, Today(method).InputType, Frozen.FindMethodByName(method).InputType);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void An_answer_of_that_shim_is_read_whole_by_todays_daemon(string method)
    {
        var (header, payload) = Read(Recorded[$"answer {method}"]);
        var frozen = Frozen.FindMethodByName(method);
        Assert.Equal(frozen.IsServerStreaming ? FrameType.Data : FrameType.Response, header.Type);
        var message = frozen.IsServerStreaming ? ByteString.CopyFrom(payload) : Response.Parser.ParseFrom(payload).Payload;
        AssertSame(message, Today(method).OutputType, frozen.OutputType);
    }

    /// <summary>What is newer in them that shim and that daemon pass over; what they know they find.</summary>
    [Theory]
    [MemberData(nameof(Methods))]
    public void Todays_messages_are_read_by_that_release(string method)
    {
        var frozen = Frozen.FindMethodByName(method);
        foreach (var (today, then) in new[] { (Today(method).InputType, frozen.InputType), (Today(method).OutputType, frozen.OutputType) })
        {
            var message = then.Parser.ParseFrom(FilledMessage.Of(today).ToByteString());
            var expected = FilledMessage.Of(then);
            Assert.All(then.Fields.InFieldNumberOrder().Where(f => f.FieldType != FieldType.Message && f.RealContainingOneof is null),
                f => Assert.Equal(f.Accessor.GetValue(expected), f.Accessor.GetValue(message)));
        }
    }

    /// <summary>The launches are no calls, and travel in memory files.</summary>
    [Fact]
    public void Launches_of_that_daemon_are_read_whole()
    {
        foreach (var frozen in new[] { Frozen1.ShimLaunch.Descriptor, Frozen1.SessionLaunch.Descriptor })
        {
            var today = ShimReflection.Descriptor.MessageTypes.Single(m => m.Name == frozen.Name);
            AssertSame(FilledMessage.Of(frozen).ToByteString(), today, frozen);
        }
    }

    private static void AssertSame(ByteString sent, MessageDescriptor today, MessageDescriptor frozen)
    {
        var read = today.Parser.WithDiscardUnknownFields(true).ParseFrom(sent);
        Assert.Equal(sent, read.ToByteString()); // nothing was discarded, nothing moved
        Assert.Equal(JsonFormatter.Default.Format(frozen.Parser.ParseFrom(sent)), JsonFormatter.Default.Format(read));
    }

    private static IEnumerable<(string Name, byte[] Bytes)> Frames(MethodDescriptor method)
    {
        var request = new Frozen1.Request { Service = ShimMethods.Service, Method = method.Name, Payload = FilledMessage.Of(method.InputType).ToByteString() };
        yield return ($"request {method.Name}", Frame(FrameType.Request, method.IsServerStreaming ? FrameFlags.RemoteOpen : FrameFlags.RemoteClosed, request));
        var answer = FilledMessage.Of(method.OutputType);
        yield return ($"answer {method.Name}", method.IsServerStreaming
            ? Frame(FrameType.Data, FrameFlags.None, answer)
            : Frame(FrameType.Response, FrameFlags.None, new Frozen1.Response { Payload = answer.ToByteString() }));
    }

    private static byte[] Frame(FrameType type, FrameFlags flags, IMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        FrameEncoder.Write(buffer, 1, type, flags, message);
        return buffer.WrittenSpan.ToArray();
    }

    private static (FrameHeader Header, byte[] Payload) Read(byte[] bytes)
    {
        var decoder = new FrameDecoder();
        for (var sent = 0; sent < bytes.Length;)
        {
            var memory = decoder.GetMemory();
            var count = Math.Min(memory.Length, bytes.Length - sent);
            bytes.AsSpan(sent, count).CopyTo(memory.Span);
            decoder.Advance(count);
            sent += count;
        }

        Assert.True(decoder.TryRead(out var frame));
        return (frame.Header, frame.Payload.ToArray());
    }

    private static MethodDescriptor Today(string method) => ShimReflection.Descriptor.Services[0].FindMethodByName(method);
}
