using System.Buffers;
using Google.Protobuf;

namespace ShimRuntime.ShimProtocol;

/// <summary>Writes frames into a buffer, one copy from message to wire.</summary>
public static class FrameEncoder
{
    /// <summary>Appends one frame with <paramref name="message"/> as payload; null: none.</summary>
    /// <exception cref="FrameException">The message is larger than a frame may be; nothing was appended.</exception>
    public static void Write(IBufferWriter<byte> target, uint streamId, FrameType type, FrameFlags flags, IMessage? message)
    {
        var length = message?.CalculateSize() ?? 0;
        if (length > FrameHeader.MaxPayloadBytes)
            throw new FrameException($"a message of {length} bytes does not fit into a frame of {FrameHeader.MaxPayloadBytes}");
        var span = target.GetSpan(FrameHeader.SizeBytes + length);
        new FrameHeader(length, streamId, type, flags).Write(span);
        message?.WriteTo(span.Slice(FrameHeader.SizeBytes, length));
        target.Advance(FrameHeader.SizeBytes + length);
    }
}
