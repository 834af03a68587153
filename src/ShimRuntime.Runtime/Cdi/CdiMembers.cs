using System.Globalization;

namespace ShimRuntime.Runtime.Cdi;

/// <summary>
/// The members of one map, read by name and type; whoever has read all says <see cref="End"/>, and a member that nobody asked for is an
/// error: what a spec asks for and does not get would be found out by its workload.
/// </summary>
internal sealed class CdiMembers
{
    private readonly Dictionary<string, CdiNode> _left;

    private CdiMembers(CdiMap map, string path) => (_left, Path) = (new(map.Members, StringComparer.Ordinal), path);

    /// <summary>Where it is in the document: "devices[0].containerEdits"; empty: the root.</summary>
    public string Path { get; }

    /// <exception cref="FormatException">The node is no map.</exception>
    public static CdiMembers Of(CdiNode node, string path) =>
        node is CdiMap map ? new CdiMembers(map, path) : throw new FormatException($"{(path.Length > 0 ? path : "the document")} is no map");

    /// <summary>Null: absent.</summary>
    public string? Text(string name)
    {
        if (!_left.Remove(name, out var node)) return null;
        if (node is not CdiScalar scalar) throw Bad(name, "is no text");
        return scalar.Text.Contains('\0') ? throw Bad(name, "contains a NUL byte") : scalar.Text;
    }

    public string RequiredText(string name) => Text(name) is { Length: > 0 } text ? text : throw Bad(name, "is missing or empty");

    /// <summary>Decimal, or octal and hexadecimal as YAML writes them (0644, 0o644, 0x1a4). Null: absent.</summary>
    public long? Number(string name, long least, long most)
    {
        if (!_left.Remove(name, out var node)) return null;
        if (node is not CdiScalar { IsPlain: true } scalar || Parse(scalar.Text) is not { } number) throw Bad(name, "is no whole number");
        return number >= least && number <= most ? number : throw Bad(name, $"{number} is not between {least} and {most}");
    }

    public bool? Truth(string name) => !_left.Remove(name, out var node) ? null : node switch
    {
        CdiScalar { IsPlain: true, Text: "true" or "True" or "TRUE" } => true,
        CdiScalar { IsPlain: true, Text: "false" or "False" or "FALSE" } => false,
        _ => throw Bad(name, "is neither true nor false"),
    };

    /// <summary>Empty: absent.</summary>
    public IReadOnlyList<string> Texts(string name) => [.. Items(name).Select(
        (item, i) => item is CdiScalar scalar && !scalar.Text.Contains('\0') ? scalar.Text : throw Bad($"{name}[{i}]", "is no text"))];

    public IReadOnlyList<long> Numbers(string name, long least, long most) => [.. Items(name).Select(
        (item, i) => item is CdiScalar { IsPlain: true } scalar && Parse(scalar.Text) is { } number && number >= least && number <= most
            ? number
            : throw Bad($"{name}[{i}]", $"is no whole number between {least} and {most}"))];

    /// <summary>Null: absent.</summary>
    public CdiMembers? Map(string name) => _left.Remove(name, out var node) ? Of(node, PathOf(name)) : null;

    public IReadOnlyList<CdiMembers> Maps(string name) => [.. Items(name).Select((item, i) => Of(item, $"{PathOf(name)}[{i}]"))];

    /// <summary>Text to text, of which nothing is used.</summary>
    public void SkipMap(string name)
    {
        if (_left.Remove(name, out var node) && node is not CdiMap) throw Bad(name, "is no map");
    }

    /// <exception cref="FormatException">A member is left.</exception>
    public void End()
    {
        foreach (var name in _left.Keys.Order(StringComparer.Ordinal)) throw Bad(name, "is not a member that this release knows");
    }

    public FormatException Bad(string name, string cause) => new($"{PathOf(name)} {cause}");

    private IReadOnlyList<CdiNode> Items(string name)
    {
        if (!_left.Remove(name, out var node)) return [];
        return node is CdiList list ? list.Items : throw Bad(name, "is no list");
    }

    private string PathOf(string name) => Path.Length > 0 ? $"{Path}.{name}" : name;

    private static long? Parse(string text)
    {
        var (digits, style) = text switch
        {
            ['0', 'x', ..] => (text[2..], 16),
            ['0', 'o', ..] => (text[2..], 8),
            ['0', _, ..] => (text[1..], 8),
            _ => (text, 10),
        };
        try
        {
            return style == 10
                ? long.Parse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
                : Convert.ToInt64(digits, style);
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            return null;
        }
    }
}
