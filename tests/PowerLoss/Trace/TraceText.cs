using System.Globalization;
using System.Text;

namespace ShimRuntime.PowerLoss.Tests.Trace;

/// <summary>The pieces of strace's own notation (-y -xx): strings and paths in hexadecimal, lists in brackets, descriptors with paths in angle brackets.</summary>
internal static class TraceText
{
    /// <summary>Splits at commas that stand in no bracket and no string.</summary>
    public static IReadOnlyList<string> Split(ReadOnlySpan<char> list)
    {
        var parts = new List<string>();
        var (start, depth, quoted) = (0, 0, false);
        for (var i = 0; i < list.Length; i++)
        {
            if (list[i] == '"') quoted = !quoted;
            if (quoted) continue;
            if (list[i] is '(' or '[' or '{' or '<') depth++;
            if (list[i] is ')' or ']' or '}' or '>') depth--;
            if (list[i] != ',' || depth != 0) continue;
            parts.Add(list[start..i].Trim().ToString());
            start = i + 1;
        }

        if (!list[start..].Trim().IsEmpty) parts.Add(list[start..].Trim().ToString());
        return parts;
    }

    /// <summary>The bytes of "\x41\x42"; throws for one that strace has cut (-s was too small).</summary>
    public static byte[] Bytes(string quoted)
    {
        if (!quoted.StartsWith('"') || !quoted.EndsWith('"')) throw new FormatException($"not a whole string: {quoted[..Math.Min(80, quoted.Length)]}");
        return Hex(quoted.AsSpan()[1..^1]);
    }

    /// <summary>The path behind a descriptor: "12&lt;\x2f…&gt;", "AT_FDCWD&lt;\x2f…&gt;". Null: it has none, or its file has no name left.</summary>
    public static string? PathOf(string descriptor)
    {
        var open = descriptor.IndexOf("<\\x", StringComparison.Ordinal);
        if (open < 0 || !descriptor.EndsWith('>')) return null;
        return Encoding.UTF8.GetString(Hex(descriptor.AsSpan()[(open + 1)..^1]));
    }

    /// <summary>For people: a short string in clear, anything else as it is, cut.</summary>
    public static string Shown(string argument) =>
        argument is ['"', .., '"'] && argument.Length < 800 ? Encoding.UTF8.GetString(Bytes(argument)) : argument[..Math.Min(argument.Length, 40)];

    private static byte[] Hex(ReadOnlySpan<char> escaped)
    {
        var bytes = new byte[escaped.Length / 4];
        for (var i = 0; i < bytes.Length; i++)
        {
            var at = escaped.Slice(i * 4, 4);
            if (at[0] != '\\' || at[1] != 'x') throw new FormatException($"not hexadecimal: {at}");
            bytes[i] = byte.Parse(at[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }

        return bytes;
    }
}
