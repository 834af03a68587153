namespace ShimRuntime.Shim.Session.Wire;

/// <summary>Takes what the client sends on one stream.</summary>
internal interface IStreamSink
{
    /// <summary>Copies or passes on; the span is valid during the call only. Answers for the bytes by <see cref="ClientStream.Consumed"/>.</summary>
    void Accept(ReadOnlySpan<byte> bytes);

    /// <summary>The client sends nothing more.</summary>
    void End();
}
