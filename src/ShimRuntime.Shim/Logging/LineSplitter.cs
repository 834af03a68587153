namespace ShimRuntime.Shim.Logging;

/// <summary>
/// Where container output is cut into CRI log lines: at each newline, and after every <see cref="MaxLineBytes"/> bytes without one. The
/// cuts depend on the bytes alone, never on how reads happened to slice them.
/// </summary>
internal static class LineSplitter
{
    /// <summary>
    /// Longest text of one log line; a longer line of the container is written as partial lines (P) and a last full one (F).
    /// </summary>
    public const int MaxLineBytes = 16 * 1024;

    /// <summary>
    /// Cuts the next line off <paramref name="rest"/>. False: its beginning of at most <see cref="MaxLineBytes"/> bytes has no newline
    /// yet and must be held until more comes or the stream ends.
    /// </summary>
    /// <param name="length">Bytes of text.</param>
    /// <param name="consumed">Bytes to go on after: the text, and its newline when there is one.</param>
    /// <param name="partial">The line goes on.</param>
    public static bool TryNext(ReadOnlySpan<byte> rest, out int length, out int consumed, out bool partial)
    {
        // One byte more than fits: a line of exactly the maximum is full, not partial.
        var window = rest.Length > MaxLineBytes ? rest[..(MaxLineBytes + 1)] : rest;
        length = window.IndexOf((byte)'\n');
        partial = length < 0;
        consumed = length + 1;
        if (!partial) return true;
        length = consumed = MaxLineBytes;
        return rest.Length > MaxLineBytes;
    }
}
