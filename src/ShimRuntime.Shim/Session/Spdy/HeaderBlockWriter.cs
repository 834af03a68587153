
namespace ShimRuntime.Shim.Session.Spdy;

/// <summary>
/// Our header blocks. All that a server says here is "no headers" (SYN_REPLY), so nothing is compressed: a stored block, and the empty
/// stored block that a reader of Go's waits for (a zlib sync mark). The zlib header comes once, and names no dictionary.
/// </summary>
internal sealed class HeaderBlockWriter
{
    private bool _started;

    /// <summary>Returns the bytes written, at most <see cref="MaxBytes"/>.</summary>
    public int Write(Span<byte> target)
    {
        var at = 0;
        if (!_started)
        {
            target[at++] = 0x78;
            target[at++] = 0x01;
            _started = true;
        }

        ReadOnlySpan<byte> stored = [0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]; // "0 pairs", then the sync mark
        stored.CopyTo(target[at..]);
        return at + stored.Length;
    }

    public const int MaxBytes = 16;
}
