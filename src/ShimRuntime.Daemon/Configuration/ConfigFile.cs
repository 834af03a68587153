using Tomlyn;
using Tomlyn.Parsing;

namespace ShimRuntime.Daemon.Configuration;

/// <summary>
/// Reads config.toml event by event (no reflection, so NativeAOT-clean) onto a <see cref="DaemonConfig"/>. An unknown key, a value of
/// the wrong type, a key twice: each is an error with file and line.
/// </summary>
internal sealed class ConfigFile
{
    private readonly string _path;
    private readonly TomlParser _parser;
    private readonly Dictionary<string, int> _seen = [];
    private DaemonConfig _config;

    private ConfigFile(string path, string text, DaemonConfig defaults)
    {
        _path = path;
        _config = defaults;
        _parser = TomlParser.Create(text, new TomlSerializerOptions { SourceName = path });
    }

    public static DaemonConfig Read(string path, DaemonConfig defaults)
    {
        try
        {
            return Parse(path, File.ReadAllText(path), defaults);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"can't be read: {e.Message}", path);
        }
    }

    /// <param name="path">For messages.</param>
    public static DaemonConfig Parse(string path, string text, DaemonConfig defaults)
    {
        var file = new ConfigFile(path, text, defaults);
        try
        {
            return file.ReadDocument();
        }
        catch (TomlException e)
        {
            throw new ConfigException($"not TOML: {e.Message.Trim()}");
        }
    }

    private DaemonConfig ReadDocument()
    {
        while (_parser.MoveNext() && _parser.Current.Kind != TomlParseEventKind.StartTable)
        {
        }

        while (_parser.MoveNext() && _parser.Current.Kind != TomlParseEventKind.EndTable)
        {
            if (_parser.Current.Kind != TomlParseEventKind.PropertyName) continue;
            var name = _parser.GetPropertyName();
            var line = _parser.Current.Line;
            if (_parser.MoveNext()) ReadSetting(name, line);
        }

        return _config;
    }

    private void ReadSetting(string name, int line)
    {
        var place = $"{_path}:{line}";
        if (name == "runtimes")
        {
            _config = _config with { Runtimes = new RuntimeTables(_path, _parser).Read(line) };
            return;
        }

        if (name == "hotswap")
        {
            var (node, handlers) = new HotSwapTables(_path, _parser).Read(line);
            _config = _config with { HotSwap = node, HotSwapOfHandlers = handlers };
            return;
        }

        if (ConfigKeys.Find(name) is not { } key)
        {
            var nearest = NearestName.Of(name, ConfigKeys.All.Select(k => k.Name));
            throw new ConfigException($"unknown key '{name}'; the nearest known one is '{nearest}'", place);
        }

        if (!_seen.TryAdd(name, line)) throw new ConfigException($"key '{name}' stands in line {_seen[name]} already", place);
        try
        {
            _config = key.Apply(_config, ReadValue(key));
        }
        catch (ConfigException e)
        {
            throw new ConfigException($"{name}: {e.Cause}", place);
        }
    }

    private object ReadValue(ConfigKey key)
    {
        var kind = _parser.Current.Kind;
        return (key.Kind, kind) switch
        {
            (ConfigValueKind.Text, TomlParseEventKind.String) => _parser.GetString(),
            (ConfigValueKind.WholeNumber, TomlParseEventKind.Integer) => _parser.Current.GetInt64(),
            (ConfigValueKind.Truth, TomlParseEventKind.Boolean) => _parser.Current.GetBoolean(),
            (ConfigValueKind.Texts, TomlParseEventKind.StartArray) => ReadTexts(),
            (ConfigValueKind.Texts, TomlParseEventKind.String) => new List<string> { _parser.GetString() },
            _ => throw WrongType(key.Kind),
        };
    }

    private List<string> ReadTexts()
    {
        var texts = new List<string>();
        while (_parser.MoveNext() && _parser.Current.Kind != TomlParseEventKind.EndArray)
        {
            texts.Add(_parser.Current.Kind == TomlParseEventKind.String ? _parser.GetString() : throw WrongType(ConfigValueKind.Texts));
        }

        return texts;
    }

    private static ConfigException WrongType(ConfigValueKind kind) => new(kind switch
    {
        ConfigValueKind.Text => "the value has to be a string, such as \"…\"",
        ConfigValueKind.Texts => "the value has to be an array of strings, such as [\"…\", \"…\"]",
        ConfigValueKind.WholeNumber => "the value has to be a whole number, without quotes",
        _ => "the value has to be true or false",
    });
}
