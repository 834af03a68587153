using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// The records of one pax header (POSIX.1-2001, pax, "pax Extended Header"): "&lt;length&gt; &lt;keyword&gt;=&lt;value&gt;\n", the value
/// being any bytes. Order and repetition are kept, because GNU sparse 0.0 needs both; lookups take the last.
/// </summary>
internal sealed class PaxRecords
{
    public static readonly PaxRecords Empty = new([]);
    private const int MaxLengthDigits = 10;
    private static readonly string[] PerFile = ["path", "linkpath", "size", "GNU.sparse.", "SCHILY."];
    private readonly List<(string Key, byte[] Value)> _records;

    private PaxRecords(List<(string Key, byte[] Value)> records) => _records = records;

    public IReadOnlyList<(string Key, byte[] Value)> All => _records;

    public static PaxRecords Parse(ReadOnlySpan<byte> content)
    {
        var records = new List<(string, byte[])>();
        while (!content.IsEmpty)
        {
            // Padding with NUL after the last record is written by some tools and read over by all.
            if (content[0] == 0 && !content.ContainsAnyExcept((byte)0)) break;
            records.Add(ParseRecord(content, out var length));
            content = content[length..];
        }

        return new PaxRecords(records);
    }

    /// <summary>
    /// For a global header, which some readers take as defaults for all members after it and some pass over: refused is what would make
    /// another tree of the layer for them.
    /// </summary>
    public void RequireGlobal()
    {
        foreach (var (key, _) in _records)
        {
            if (PerFile.Any(p => key.StartsWith(p, StringComparison.Ordinal)))
            {
                throw new TarFormatException($"a global pax header sets '{Printable(key)}'");
            }
        }
    }

    /// <summary>The last value of the keyword; empty when it was unset; null when it does not occur.</summary>
    public byte[]? Find(string key)
    {
        for (var i = _records.Count - 1; i >= 0; i--)
        {
            if (_records[i].Key == key) return _records[i].Value;
        }

        return null;
    }

    private static (string Key, byte[] Value) ParseRecord(ReadOnlySpan<byte> content, out int length)
    {
        var space = content[..Math.Min(content.Length, MaxLengthDigits + 1)].IndexOf((byte)' ');
        if (space <= 0) throw Malformed();
        var stated = TarNumber.ParseDecimal(content[..space], "the length of a pax record");
        if (stated > content.Length || stated < space + 3 || content[(int)stated - 1] != '\n') throw Malformed();
        length = (int)stated;
        var record = content[(space + 1)..(length - 1)];
        var equals = record.IndexOf((byte)'=');
        if (equals <= 0) throw Malformed();

        // Latin-1 keeps every byte of a keyword: attribute names need not be UTF-8.
        return (Encoding.Latin1.GetString(record[..equals]), record[(equals + 1)..].ToArray());
    }

    private static string Printable(string key) => PathBytes.Display(Encoding.Latin1.GetBytes(key));

    private static TarFormatException Malformed() => new("a pax header holds a malformed record");
}
