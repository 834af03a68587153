namespace ShimRuntime.Daemon.Configuration;

/// <summary>
/// A setting that can't be used: where it stands (file and line, or flag) and what to do. The daemon does not start with one.
/// </summary>
internal sealed class ConfigException(string message, string? place = null) : Exception(place is null ? message : $"{place}: {message}")
{
    /// <summary>The sentence without the place.</summary>
    public string Cause { get; } = message;

    public ConfigException At(string place) => new(Cause, place);
}
