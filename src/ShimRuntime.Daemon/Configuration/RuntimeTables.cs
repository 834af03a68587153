using ShimRuntime.Runtime.Node;
using Tomlyn.Parsing;

namespace ShimRuntime.Daemon.Configuration;

/// <summary>[runtimes.NAME] of config.toml: one runtime handler a table.</summary>
/// <param name="file">For messages.</param>
internal sealed class RuntimeTables(string file, TomlParser parser)
{
    private const int MaxNameChars = 63; // a DNS label, as a RuntimeClass's handler is
    private static readonly string[] Keys = ["path", "arguments", "allowed_annotations"];

    /// <summary>The parser stands on the value of the key `runtimes`, and stands at its end afterwards.</summary>
    public IReadOnlyList<RuntimeHandlerOptions> Read(int line)
    {
        var handlers = new List<RuntimeHandlerOptions>();
        if (parser.Current.Kind != TomlParseEventKind.StartTable) throw Wrong(line, "runtimes is made of tables: [runtimes.NAME]");
        while (parser.MoveNext() && parser.Current.Kind != TomlParseEventKind.EndTable)
        {
            if (parser.Current.Kind == TomlParseEventKind.PropertyName) handlers.Add(ReadOne());
        }

        return handlers;
    }

    private RuntimeHandlerOptions ReadOne()
    {
        var (name, line) = (parser.GetPropertyName(), parser.Current.Line);
        if (!IsName(name)) throw Wrong(line, $"runtimes.{name}: a handler's name has a-z, 0-9 and '-', at most {MaxNameChars}");
        if (!parser.MoveNext() || parser.Current.Kind != TomlParseEventKind.StartTable) throw Wrong(line, $"runtimes.{name} has to be a table: [runtimes.{name}]");
        var handler = new RuntimeHandlerOptions { Name = name, Path = "" };
        while (parser.MoveNext() && parser.Current.Kind != TomlParseEventKind.EndTable)
        {
            if (parser.Current.Kind == TomlParseEventKind.PropertyName) handler = ReadKey(handler);
        }

        return handler.Path.Length > 0 ? handler : throw Wrong(line, $"runtimes.{name} has no path; name its binary");
    }

    private RuntimeHandlerOptions ReadKey(RuntimeHandlerOptions handler)
    {
        var (key, line) = (parser.GetPropertyName(), parser.Current.Line);
        if (!parser.MoveNext()) throw Wrong(line, $"runtimes.{handler.Name}.{key} has no value");
        try
        {
            return key switch
            {
                "path" => handler with { Path = Values.Directory(TableValues.ReadText(parser)) },
                "arguments" => handler with { Arguments = Flags(TableValues.ReadTexts(parser)) },
                "allowed_annotations" => handler with { AllowedAnnotations = Annotations(TableValues.ReadTexts(parser)) },
                _ => throw new ConfigException($"unknown key; the nearest known one is '{NearestName.Of(key, Keys)}'"),
            };
        }
        catch (ConfigException e)
        {
            throw Wrong(line, $"runtimes.{handler.Name}.{key}: {e.Cause}");
        }
    }

    /// <summary>--root, --log and --systemd-cgroup are the runtime's own: the shim relies on them.</summary>
    private static List<string> Flags(List<string> flags)
    {
        foreach (var flag in flags)
        {
            if (!flag.StartsWith("--", StringComparison.Ordinal) || flag.Contains('\0')) throw new ConfigException($"'{flag}' is no flag such as --debug or --flag=value");
            if (flag.Split('=')[0] is "--root" or "--log" or "--log-format" or "--systemd-cgroup") throw new ConfigException($"'{flag}' is set by the daemon itself");
        }

        return flags;
    }

    private static List<string> Annotations(List<string> keys) =>
        keys.Find(k => k.Length == 0 || k == "*") is null ? keys : throw new ConfigException("an empty key or '*' would allow every annotation; name keys or prefixes");

    private static bool IsName(string name) =>
        name.Length is > 0 and <= MaxNameChars && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && name[0] != '-' && name[^1] != '-';

    private ConfigException Wrong(int line, string cause) => new(cause, $"{file}:{line}");
}
