namespace ShimRuntime.Shim.Session.WebSocket;

/// <summary>Takes the client's messages as they come in, piece by piece: nothing is held until a message is whole.</summary>
internal interface IMessageSink
{
    void BeginMessage();

    /// <summary>The next bytes of the message; the span is valid during the call only.</summary>
    void Data(ReadOnlySpan<byte> bytes);

    void EndMessage();
}
