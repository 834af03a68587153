using System.Buffers.Binary;

namespace ShimRuntime.Shim.Session.Spdy;

/// <content>Frames that we send.</content>
internal sealed partial class SpdyConnection
{
    internal void SendData(uint streamId, byte flags, ReadOnlySpan<byte> bytes)
    {
        Span<byte> head = stackalloc byte[SpdyFrameHeader.Bytes];
        SpdyFrameHeader.Data(streamId, flags, bytes.Length).Write(head);
        _transport.Write(head, bytes);
    }

    internal void SendReset(uint streamId, uint status)
    {
        Span<byte> body = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(body, streamId);
        BinaryPrimitives.WriteUInt32BigEndian(body[4..], status);
        SendControl(SpdyFrameType.RstStream, 0, body);
    }

    internal void SendWindowUpdate(uint streamId, int bytes)
    {
        Span<byte> body = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(body, streamId);
        BinaryPrimitives.WriteInt32BigEndian(body[4..], bytes);
        SendControl(SpdyFrameType.WindowUpdate, 0, body);
    }

    private void SendReply(uint streamId)
    {
        Span<byte> body = stackalloc byte[4 + HeaderBlockWriter.MaxBytes];
        BinaryPrimitives.WriteUInt32BigEndian(body, streamId);
        SendControl(SpdyFrameType.SynReply, 0, body[..(4 + _writer.Write(body[4..]))]);
    }

    private void SendControl(SpdyFrameType type, byte flags, ReadOnlySpan<byte> body)
    {
        Span<byte> head = stackalloc byte[SpdyFrameHeader.Bytes];
        SpdyFrameHeader.Control(type, flags, body.Length).Write(head);
        _transport.Write(head, body);
    }
}
