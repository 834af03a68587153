using ShimRuntime.Runtime.Swap;
using Tomlyn.Parsing;

namespace ShimRuntime.Daemon.Configuration;

/// <summary>[hotswap] of config.toml, and [hotswap.NAME] for one runtime handler, which begins with what [hotswap] says above it.</summary>
/// <param name="file">For messages.</param>
internal sealed class HotSwapTables(string file, TomlParser parser)
{
    private const int MostPerMinute = 600;
    private static readonly string[] Keys = ["allow", "images", "swaps_per_minute"];
    private readonly Dictionary<string, HotSwapPolicy> _handlers = [];

    /// <summary>The parser stands on the value of the key `hotswap`, and stands at its end afterwards.</summary>
    public (HotSwapPolicy Node, IReadOnlyDictionary<string, HotSwapPolicy> Handlers) Read(int line)
    {
        if (parser.Current.Kind != TomlParseEventKind.StartTable) throw new ConfigException("hotswap is a table: [hotswap]", $"{file}:{line}");
        var node = new HotSwapPolicy();
        while (parser.MoveNext() && parser.Current.Kind != TomlParseEventKind.EndTable)
        {
            if (parser.Current.Kind == TomlParseEventKind.PropertyName) node = ReadKey(node, "hotswap", true);
        }

        return (node, _handlers);
    }

    private HotSwapPolicy ReadKey(HotSwapPolicy policy, string table, bool mayNest)
    {
        var (key, line) = (parser.GetPropertyName(), parser.Current.Line);
        if (!parser.MoveNext()) throw new ConfigException($"{table}.{key} has no value", $"{file}:{line}");
        if (mayNest && parser.Current.Kind == TomlParseEventKind.StartTable)
        {
            ReadHandler(key, policy);
            return policy;
        }

        try
        {
            return key switch
            {
                "allow" => policy with { Allow = AnnotationKeys(TableValues.ReadTexts(parser)) },
                "images" => policy with { Images = Images(TableValues.ReadText(parser)) },
                "swaps_per_minute" => policy with { SwapsPerMinute = Values.Between(TableValues.ReadNumber(parser), 0, MostPerMinute) },
                _ => throw new ConfigException($"unknown key; the nearest known one is '{NearestName.Of(key, Keys)}'"),
            };
        }
        catch (ConfigException e)
        {
            throw new ConfigException($"{table}.{key}: {e.Cause}", $"{file}:{line}");
        }
    }

    private void ReadHandler(string name, HotSwapPolicy node)
    {
        var policy = node;
        while (parser.MoveNext() && parser.Current.Kind != TomlParseEventKind.EndTable)
        {
            if (parser.Current.Kind == TomlParseEventKind.PropertyName) policy = ReadKey(policy, $"hotswap.{name}", false);
        }

        _handlers[name] = policy;
    }

    private static SwapImages Images(string value) => value switch
    {
        "none" => SwapImages.None,
        "digest" => SwapImages.Digest,
        "repository" => SwapImages.Repository,
        "any" => SwapImages.Any,
        _ => throw new ConfigException($"'{value}' is none of none, digest, repository, any"),
    };

    private static List<string> AnnotationKeys(List<string> keys) =>
        keys.Find(k => k.Length == 0) is null ? keys : throw new ConfigException("an empty key names no annotation");
}
