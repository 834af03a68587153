namespace ShimRuntime.Shim.Session.Wire;

/// <summary>Where a protocol's bytes go: the client's socket, or messages of a WebSocket on it.</summary>
internal interface ITransport
{
    /// <summary>True: produce nothing more until the socket reports that it has caught up.</summary>
    bool IsCongested { get; }

    /// <summary>Sends <paramref name="head"/> and then <paramref name="body"/>; never blocks, never refuses.</summary>
    void Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body);

    /// <summary>Ends the connection once all that was written has left.</summary>
    void CloseWhenFlushed();
}
