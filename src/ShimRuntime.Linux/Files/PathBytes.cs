using System.Text;

namespace ShimRuntime.Linux;

/// <summary>File names and paths as the bytes that they are.</summary>
public static class PathBytes
{
    private const int DisplayLimit = 300;

    /// <summary>
    /// A form for messages and logs: printable ASCII as it is, other bytes as \ooo, cut after 300 bytes. One line, whatever a hostile
    /// archive holds.
    /// </summary>
    public static string Display(ReadOnlySpan<byte> path)
    {
        var text = new StringBuilder(Math.Min(path.Length, DisplayLimit) + 4);
        foreach (var b in path[..Math.Min(path.Length, DisplayLimit)])
        {
            if (b is >= 0x20 and < 0x7f and not (byte)'\\') text.Append((char)b);
            else text.Append('\\').Append((char)('0' + (b >> 6))).Append((char)('0' + ((b >> 3) & 7))).Append((char)('0' + (b & 7)));
        }

        return path.Length > DisplayLimit ? text.Append('…').ToString() : text.ToString();
    }
}
