using System.Text.Json;
using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.Remote;

/// <summary>
/// The resize stream: JSON objects <c>{"Width":80,"Height":24}</c>, one after another, cut anywhere. What is no such object is dropped
/// up to the end of its braces; more than 1 KiB without an end is dropped too.
/// </summary>
internal sealed class ResizeSink(ClientStream stream, Action<ushort, ushort> onResize) : IStreamSink
{
    private const int MaxObjectBytes = 1024;
    private readonly byte[] _object = new byte[MaxObjectBytes];
    private int _count;

    public void Accept(ReadOnlySpan<byte> bytes)
    {
        stream.Consumed(bytes.Length);
        foreach (var b in bytes)
        {
            if (_count == MaxObjectBytes || b == '{') _count = 0;
            _object[_count++] = b;
            if (b == '}') TakeObject();
        }
    }

    public void End()
    {
    }

    private void TakeObject()
    {
        var text = _object.AsSpan(0, _count);
        _count = 0;
        var (width, height) = (0, 0);
        try
        {
            var json = new Utf8JsonReader(text);
            while (json.Read())
            {
                if (json.TokenType != JsonTokenType.PropertyName) continue;
                var isWidth = json.ValueTextEquals("Width"u8);
                var isHeight = json.ValueTextEquals("Height"u8);
                if (!json.Read() || json.TokenType != JsonTokenType.Number || !json.TryGetUInt16(out var value)) continue;
                if (isWidth) width = value;
                if (isHeight) height = value;
            }
        }
        catch (JsonException)
        {
            return;
        }

        if (width > 0 && height > 0) onResize((ushort)width, (ushort)height);
    }
}
