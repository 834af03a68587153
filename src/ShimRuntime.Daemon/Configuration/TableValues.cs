using Tomlyn.Parsing;

namespace ShimRuntime.Daemon.Configuration;

/// <summary>Values inside a table of config.toml; the parser stands on each.</summary>
internal static class TableValues
{
    public static string ReadText(TomlParser parser) => parser.Current.Kind == TomlParseEventKind.String
        ? parser.GetString()
        : throw new ConfigException("the value has to be a string, such as \"…\"");

    public static List<string> ReadTexts(TomlParser parser)
    {
        if (parser.Current.Kind != TomlParseEventKind.StartArray) throw new ConfigException("the value has to be an array of strings, such as [\"…\", \"…\"]");
        var texts = new List<string>();
        while (parser.MoveNext() && parser.Current.Kind != TomlParseEventKind.EndArray) texts.Add(ReadText(parser));
        return texts;
    }

    public static long ReadNumber(TomlParser parser) => parser.Current.Kind == TomlParseEventKind.Integer
        ? parser.Current.GetInt64()
        : throw new ConfigException("the value has to be a whole number, without quotes");
}
