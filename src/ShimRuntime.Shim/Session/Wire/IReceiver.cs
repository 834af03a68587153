namespace ShimRuntime.Shim.Session.Wire;

/// <summary>What takes a client's bytes, as they come. A <see cref="WireException"/> thrown here ends the connection.</summary>
internal interface IReceiver
{
    /// <summary>The span is valid during the call only.</summary>
    void Receive(ReadOnlySpan<byte> bytes);
}
