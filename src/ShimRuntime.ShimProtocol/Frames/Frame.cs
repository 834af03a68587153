namespace ShimRuntime.ShimProtocol;

/// <summary>One ttrpc frame. <paramref name="Payload"/> lies in the decoder's buffer: valid until the decoder is fed again.</summary>
public readonly record struct Frame(FrameHeader Header, ReadOnlyMemory<byte> Payload);
