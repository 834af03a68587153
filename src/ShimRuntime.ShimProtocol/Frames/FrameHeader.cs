using System.Buffers.Binary;

namespace ShimRuntime.ShimProtocol;

/// <summary>The 10 bytes before each ttrpc payload, big-endian: length u32, stream id u32, type u8, flags u8.</summary>
/// <param name="Length">Bytes of payload that follow, at most <see cref="MaxPayloadBytes"/>.</param>
/// <param name="StreamId">Odd: opened by the client. One call, one stream.</param>
public readonly record struct FrameHeader(int Length, uint StreamId, FrameType Type, FrameFlags Flags)
{
    public const int SizeBytes = 10;
    public const int MaxPayloadBytes = 4 * 1024 * 1024;

    /// <summary>Reads <see cref="SizeBytes"/> bytes; throws <see cref="FrameException"/> for what no peer of ours may send.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> source)
    {
        var length = BinaryPrimitives.ReadUInt32BigEndian(source);
        if (length > MaxPayloadBytes) throw new FrameException($"frame of {length} bytes; at most {MaxPayloadBytes} are allowed");
        var type = (FrameType)source[8];
        if (type is < FrameType.Request or > FrameType.Data) throw new FrameException($"frame of unknown type {source[8]}");
        return new FrameHeader((int)length, BinaryPrimitives.ReadUInt32BigEndian(source[4..]), type, (FrameFlags)source[9]);
    }

    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32BigEndian(target, (uint)Length);
        BinaryPrimitives.WriteUInt32BigEndian(target[4..], StreamId);
        target[8] = (byte)Type;
        target[9] = (byte)Flags;
    }
}
