namespace ShimRuntime.Daemon.Configuration;

/// <summary>What one invocation asks for.</summary>
internal enum Invocation
{
    Serve,

    /// <summary>Serve, in the place of the daemon that started this one.</summary>
    TakeOver,
    Check,

    /// <summary>While no daemon serves: look for what no record owns.</summary>
    Doctor,
    Help,
    Version,
}

/// <summary>
/// The flags: those of <see cref="ConfigKeys"/> and six of the command's own. <c>--flag value</c> and <c>--flag=value</c> are the same.
/// </summary>
internal sealed class CommandLine
{
    private static readonly string[] OwnFlags = ["--config", "--check", "--doctor", "--fix", "--help", "--version"];
    private readonly List<(ConfigKey Key, object Value)> _settings = [];

    public Invocation Invocation { get; private set; } = Invocation.Serve;

    /// <summary>With <see cref="Invocation.Doctor"/>: remove what is found.</summary>
    public bool Fix { get; private set; }

    /// <summary>Null: the default file, which may be missing.</summary>
    public string? ConfigPath { get; private set; }

    public static CommandLine Parse(IReadOnlyList<string> arguments)
    {
        var line = new CommandLine();
        for (var i = 0; i < arguments.Count; i++)
        {
            var equals = arguments[i].IndexOf('=');
            var flag = equals < 0 ? arguments[i] : arguments[i][..equals];
            if (line.TakesNoValue(flag)) continue;
            if (flag != "--config" && ConfigKeys.FindFlag(flag) is null) throw Unknown(flag);
            var value = equals >= 0 ? arguments[i][(equals + 1)..]
                : i + 1 < arguments.Count ? arguments[++i]
                : throw new ConfigException("a value has to follow", flag);
            line.Set(flag, value);
        }

        return line.Fix && line.Invocation == Invocation.Serve ? throw new ConfigException("it goes with --doctor", "--fix") : line;
    }

    /// <summary>The file's settings, then the flags'. A file that was named has to be there.</summary>
    public DaemonConfig Load()
    {
        var config = new DaemonConfig();
        var path = ConfigPath ?? DaemonConfig.DefaultPath;
        if (ConfigPath is not null || File.Exists(path)) config = ConfigFile.Read(path, config);
        foreach (var (key, value) in _settings)
        {
            try
            {
                config = key.Apply(config, value);
            }
            catch (ConfigException e)
            {
                throw e.At(key.Flag!);
            }
        }

        return ConfigRules.Checked(config);
    }

    private bool TakesNoValue(string flag)
    {
        if (flag == "--fix") return Fix = true;
        Invocation? asked = flag switch
        {
            "--doctor" => Invocation.Doctor,
            "--check" => Invocation.Check,
            Upgrades.Successor.Flag => Invocation.TakeOver,
            "--help" or "-h" => Invocation.Help,
            "--version" => Invocation.Version,
            _ => null,
        };
        if (asked is null) return false;
        if (Invocation is Invocation.Serve or Invocation.Check or Invocation.Doctor) Invocation = asked.Value;
        return true;
    }

    private void Set(string flag, string value)
    {
        if (flag == "--config")
        {
            ConfigPath = value;
            return;
        }

        var key = ConfigKeys.FindFlag(flag)!;
        if (key.Kind != ConfigValueKind.Texts)
        {
            _settings.Add((key, value));
            return;
        }

        // Repeated, the flag makes a list, which replaces the file's.
        var before = _settings.FindIndex(s => s.Key == key);
        if (before < 0) _settings.Add((key, new List<string> { value }));
        else ((List<string>)_settings[before].Value).Add(value);
    }

    private static ConfigException Unknown(string flag)
    {
        var flags = ConfigKeys.All.Where(k => k.Flag is not null).Select(k => k.Flag!).Concat(OwnFlags);
        return new ConfigException($"unknown flag '{flag}'; the nearest known one is '{NearestName.Of(flag, flags)}' (see --help)");
    }
}
