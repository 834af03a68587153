using System.Text;

namespace ShimRuntime.Daemon.Streaming;

/// <summary>The head of an HTTP/1.1 request (RFC 9112), read strictly: what is ambiguous is refused.</summary>
/// <param name="Path">Without the query.</param>
/// <param name="Fields">Names as they came, values trimmed.</param>
internal sealed record RequestHead(string Method, string Path, IReadOnlyList<KeyValuePair<string, string>> Fields)
{
    public const int MaxBytes = 16 * 1024;
    private const int MaxFields = 128;

    /// <summary>Bytes of the head with its empty line; -1: it is not whole yet.</summary>
    public static int Length(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf("\r\n\r\n"u8);
        return end < 0 ? -1 : end + 4;
    }

    /// <param name="bytes">As many as <see cref="Length"/> says.</param>
    /// <exception cref="HttpRefusal">400: not such a head.</exception>
    public static RequestHead Parse(ReadOnlySpan<byte> bytes)
    {
        var lines = Encoding.Latin1.GetString(bytes[..^4]).Split("\r\n");
        if (lines[0].Split(' ') is not [var method, var target, "HTTP/1.1"] || !method.All(char.IsAsciiLetterUpper) || !target.StartsWith('/'))
            throw new HttpRefusal(400, "the request line is not one of HTTP/1.1");
        if (lines.Length > MaxFields) throw new HttpRefusal(431, $"the request has more than {MaxFields} header fields");
        var query = target.IndexOf('?', StringComparison.Ordinal);
        return new RequestHead(method, query < 0 ? target : target[..query], [.. lines.Skip(1).Select(Field)]);
    }

    /// <summary>Every value of a field, comma-separated lists taken apart.</summary>
    public IReadOnlyList<string> Values(string name) =>
        [.. All(name).SelectMany(v => v.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>The value of a field that may come once; null when it does not.</summary>
    /// <exception cref="HttpRefusal">400: it comes twice.</exception>
    public string? Single(string name) => All(name).ToArray() switch
    {
        [] => null,
        [var only] => only,
        _ => throw new HttpRefusal(400, $"the request has several {name} fields"),
    };

    private IEnumerable<string> All(string name) =>
        Fields.Where(f => f.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(f => f.Value);

    private static KeyValuePair<string, string> Field(string line)
    {
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        var name = colon > 0 ? line[..colon] : "";
        var value = line[(colon + 1)..].Trim(' ', '\t');
        if (name.Length == 0 || name.Any(c => c is <= ' ' or >= '\x7f') || value.Any(c => c is < ' ' and not '\t'))
            throw new HttpRefusal(400, "the request has a header field that is none");
        return new KeyValuePair<string, string>(name, value);
    }
}
