using System.Globalization;
using System.Text;

namespace ShimRuntime.Bench.Swap;

/// <summary>An HTTP/1.1 answer with a Content-Length (RFC 9112, 6.2), read by hand: what fails is told apart exactly.</summary>
/// <param name="Body">Begins with "not 200: " when that was not its status.</param>
/// <param name="Closes">The server says that it closes the connection.</param>
internal readonly record struct HttpAnswer(string Body, bool Closes)
{
    /// <summary>Null: not all there yet.</summary>
    /// <exception cref="IOException">It has no length.</exception>
    public static HttpAnswer? TryParse(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOf("\r\n\r\n"u8);
        if (end < 0) return null;
        var head = Encoding.ASCII.GetString(text[..end]);
        var (length, closes) = (-1, false);
        foreach (var line in head.AsSpan().EnumerateLines())
        {
            if (line.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase))
                length = int.Parse(line["content-length:".Length..], NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
            if (line.Equals("connection: close", StringComparison.OrdinalIgnoreCase)) closes = true;
        }

        if (length < 0) throw new IOException($"an answer without a length: {head}");
        if (text.Length < end + 4 + length) return null;
        var isRight = head.StartsWith("HTTP/1.1 200", StringComparison.Ordinal);
        return new HttpAnswer((isRight ? "" : "not 200: ") + Encoding.ASCII.GetString(text.Slice(end + 4, length)), closes);
    }

    public static byte[] Request(string path, bool keep) =>
        Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: {(keep ? "keep-alive" : "close")}\r\n\r\n");
}
