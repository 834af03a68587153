using System.Buffers;

namespace ShimRuntime.ShimProtocol;

/// <summary>
/// Data frames of ExecSync written by hand: what <c>new ExecSyncFrame { Stdout = … }</c> would be on the wire (field 1 or 2, wire type 2),
/// without a ByteString and a message object for every 64 KiB that a container's probe prints.
/// </summary>
internal static class ExecOutputEncoder
{
    private const byte StdoutTag = (1 << 3) | 2;
    private const byte StderrTag = (2 << 3) | 2;

    public static void Write(IBufferWriter<byte> target, uint streamId, bool stderr, ReadOnlySpan<byte> bytes)
    {
        var prefix = 1 + VarintBytes(bytes.Length);
        var span = target.GetSpan(FrameHeader.SizeBytes + prefix + bytes.Length);
        new FrameHeader(prefix + bytes.Length, streamId, FrameType.Data, FrameFlags.None).Write(span);
        span = span[FrameHeader.SizeBytes..];
        span[0] = stderr ? StderrTag : StdoutTag;
        var rest = (uint)bytes.Length;
        for (var i = 1; i < prefix; i++, rest >>= 7) span[i] = (byte)((rest & 0x7f) | (i + 1 < prefix ? 0x80u : 0));
        bytes.CopyTo(span[prefix..]);
        target.Advance(FrameHeader.SizeBytes + prefix + bytes.Length);
    }

    private static int VarintBytes(int value) => value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
}
