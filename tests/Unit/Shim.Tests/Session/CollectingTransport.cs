using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Tests.Session;

/// <summary>A transport that keeps everything.</summary>
internal sealed class CollectingTransport : ITransport
{
    private readonly MemoryStream _bytes = new();

    public bool IsCongested { get; set; }

    public bool IsClosing { get; private set; }

    public byte[] Bytes => _bytes.ToArray();

    public void Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        _bytes.Write(head);
        _bytes.Write(body);
    }

    public void CloseWhenFlushed() => IsClosing = true;

    public byte[] Take()
    {
        var bytes = Bytes;
        _bytes.SetLength(0);
        return bytes;
    }
}

/// <summary>A sink that keeps everything.</summary>
internal sealed class CollectingSink(ClientStream stream) : IStreamSink
{
    private readonly MemoryStream _bytes = new();

    public byte[] Bytes => _bytes.ToArray();

    public bool HasEnded { get; private set; }

    public void Accept(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        stream.Consumed(bytes.Length);
    }

    public void End() => HasEnded = true;
}
