using System.Text;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ShimRuntime.Runtime.Cdi;

/// <summary>
/// Reads one JSON or YAML document into <see cref="CdiNode"/>s. Both readers are streaming ones without reflection. Bounded: the caller gives
/// at most some 100 KiB, nesting is limited, and YAML's anchors, which can make a small file huge, are refused.
/// </summary>
internal static class CdiDocument
{
    private const int MaxDepth = 16;
    private static readonly UTF8Encoding Strict = new(false, true);

    /// <exception cref="FormatException">With where and why.</exception>
    public static CdiNode ReadJson(ReadOnlyMemory<byte> content)
    {
        try
        {
            using var document = JsonDocument.Parse(content, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return FromJson(document.RootElement) ?? throw new FormatException("it is empty");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"it is no JSON: {e.Message}", e);
        }
    }

    /// <inheritdoc cref="ReadJson"/>
    public static CdiNode ReadYaml(ReadOnlyMemory<byte> content)
    {
        try
        {
            var parser = new Parser(new StringReader(Strict.GetString(content.Span)));
            parser.Consume<StreamStart>();
            parser.Consume<DocumentStart>();
            var root = FromYaml(parser, 0) ?? throw new FormatException("it is empty");
            parser.Consume<DocumentEnd>();
            return parser.Accept<StreamEnd>(out _) ? root : throw new FormatException("it holds more than one document");
        }
        catch (DecoderFallbackException e)
        {
            throw new FormatException("it is not UTF-8", e);
        }
        catch (YamlException e)
        {
            throw new FormatException($"it is no YAML: line {e.Start.Line}: {e.Message}", e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // What the parser says of some documents that end in the middle.
            throw new FormatException($"it is no YAML: {e.Message}", e);
        }
    }

    private static CdiNode? FromJson(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new Dictionary<string, CdiNode>(StringComparer.Ordinal);
                foreach (var member in element.EnumerateObject()) Add(members, member.Name, FromJson(member.Value));
                return new CdiMap(members);
            case JsonValueKind.Array:
                return new CdiList([.. element.EnumerateArray().Select(FromJson).OfType<CdiNode>()]);
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.String:
                return new CdiScalar(element.GetString()!, IsPlain: false);
            default:
                return new CdiScalar(element.GetRawText(), IsPlain: true);
        }
    }

    private static CdiNode? FromYaml(Parser parser, int depth)
    {
        if (depth > MaxDepth) throw new FormatException($"it is nested deeper than {MaxDepth}");
        if (!parser.Accept<NodeEvent>(out var node) || !node.Anchor.IsEmpty)
            throw new FormatException($"line {parser.Current?.Start.Line}: it uses an anchor or alias, which a CDI spec has no need of");
        parser.MoveNext();
        switch (node)
        {
            case Scalar scalar:
                var isPlain = scalar.Style == ScalarStyle.Plain;
                return isPlain && scalar.Value is "" or "~" or "null" or "Null" or "NULL"
                    ? null
                    : new CdiScalar(scalar.Value, isPlain);
            case SequenceStart:
                var items = new List<CdiNode>();
                while (!parser.TryConsume<SequenceEnd>(out _))
                {
                    if (FromYaml(parser, depth + 1) is { } item) items.Add(item);
                }

                return new CdiList(items);
            default:
                var members = new Dictionary<string, CdiNode>(StringComparer.Ordinal);
                while (!parser.TryConsume<MappingEnd>(out _))
                {
                    var key = FromYaml(parser, depth + 1) as CdiScalar ?? throw new FormatException($"line {node.Start.Line}: a key is no text");
                    Add(members, key.Text, FromYaml(parser, depth + 1));
                }

                return new CdiMap(members);
        }
    }

    private static void Add(Dictionary<string, CdiNode> members, string name, CdiNode? value)
    {
        if (members.ContainsKey(name)) throw new FormatException($"'{name}' is given twice");
        if (value is not null) members[name] = value;
    }
}
