namespace ShimRuntime.Shim.Session.Wire;

/// <summary>One of the byte streams between a client and this session, whatever the protocol. Both directions end separately.</summary>
internal abstract class ClientStream
{
    /// <summary>Set as soon as the stream is known; what comes before is dropped.</summary>
    public IStreamSink? Sink { get; set; }

    /// <summary>Told once when the stream was cut off: by the client, or with the connection.</summary>
    public Action? OnAborted { get; set; }

    /// <summary>Called when <see cref="Room"/> has become more than 0 again.</summary>
    public Action? OnRoom { get; set; }

    /// <summary>How many bytes may be sent now; 0: wait for <see cref="OnRoom"/>. A stream that is over takes everything, and drops it.</summary>
    public abstract int Room { get; }

    public abstract void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Nothing more is sent; receiving goes on.</summary>
    public abstract void Finish();

    /// <summary>Cuts the stream off, both ways.</summary>
    public abstract void Reset();

    /// <summary>Says that so many received bytes have found their way: the client may send as many more.</summary>
    public abstract void Consumed(int bytes);
}
