using System.Buffers.Binary;

namespace ShimRuntime.Shim.Session.Spdy;

/// <summary>
/// The 8 bytes before each frame, big-endian (SPDY/3.1, section 2.2). Control: 1 bit set, version 15, type 16. Data: 1 bit clear, stream
/// id 31. Both: flags 8, length 24.
/// </summary>
/// <param name="Type">Of a control frame; 0 for data.</param>
/// <param name="StreamId">Of a data frame; 0 for control.</param>
internal readonly record struct SpdyFrameHeader(bool IsControl, int Type, uint StreamId, byte Flags, int Length)
{
    public const int Bytes = 8;
    public const int MaxLength = 0xffffff;
    public const byte FlagFin = 1;
    public const byte FlagUnidirectional = 2;
    public const int Version = 3;

    public bool IsFin => (Flags & FlagFin) != 0;

    public static SpdyFrameHeader Control(SpdyFrameType type, byte flags, int length) => new(true, (int)type, 0, flags, length);

    public static SpdyFrameHeader Data(uint streamId, byte flags, int length) => new(false, 0, streamId, flags, length);

    /// <exception cref="Wire.WireException">A control frame of another version.</exception>
    public static SpdyFrameHeader Read(ReadOnlySpan<byte> source)
    {
        var first = BinaryPrimitives.ReadUInt32BigEndian(source);
        var length = (int)(BinaryPrimitives.ReadUInt32BigEndian(source[4..]) & MaxLength);
        if (first >> 31 == 0) return new SpdyFrameHeader(false, 0, first, source[4], length);
        var version = (int)(first >> 16) & 0x7fff;
        if (version != Version) throw new Wire.WireException($"a control frame of SPDY version {version}; {Version} is spoken here");
        return new SpdyFrameHeader(true, (int)(first & 0xffff), 0, source[4], length);
    }

    public void Write(Span<byte> target)
    {
        var first = IsControl ? 0x80000000 | (Version << 16) | (uint)Type : StreamId & 0x7fffffff;
        BinaryPrimitives.WriteUInt32BigEndian(target, first);
        BinaryPrimitives.WriteUInt32BigEndian(target[4..], ((uint)Flags << 24) | (uint)Length);
    }
}
