namespace ShimRuntime.Daemon.Configuration;

/// <summary>What a value of the config file may be.</summary>
internal enum ConfigValueKind
{
    Text,
    Texts,
    WholeNumber,
    Truth,
}

/// <summary>One key of config.toml, and its flag where it has one.</summary>
/// <param name="Name">Such as cni_conf_dir: the flag's own name where there is one.</param>
/// <param name="Flag">Such as --cni-conf-dir; null: config file only.</param>
/// <param name="Placeholder">How help shows the value.</param>
/// <param name="Help">One line.</param>
internal sealed record ConfigKey(string Name, string? Flag, string Placeholder, string Help)
{
    public ConfigValueKind Kind { get; init; }

    /// <summary>
    /// Takes string, list of strings, long or bool as <see cref="Kind"/> says. Throws <see cref="ConfigException"/> without a place.
    /// </summary>
    public Func<DaemonConfig, object, DaemonConfig> Apply { get; init; } = (config, _) => config;

    /// <summary>The value in force, as TOML.</summary>
    public Func<DaemonConfig, string> Show { get; init; } = _ => "";
}
