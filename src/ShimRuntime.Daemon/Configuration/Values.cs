using System.Globalization;
using System.Net;
using System.Text;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Configuration;

/// <summary>What each kind of setting may be. Each refuses with a sentence that says what would be right.</summary>
internal static class Values
{
    private const string UnixScheme = "unix://";

    private static readonly (string Name, LogLevel Level)[] Levels =
    [
        ("trace", LogLevel.Trace),
        ("debug", LogLevel.Debug),
        ("info", LogLevel.Information),
        ("warn", LogLevel.Warning),
        ("error", LogLevel.Error),
    ];

    /// <summary>Absolute and free of . and .. parts; a trailing slash is dropped.</summary>
    public static string Directory(string value)
    {
        if (!value.StartsWith('/') || value.Contains('\0')) throw new ConfigException($"'{value}' is not an absolute path");
        if (value.Split('/').Any(p => p is "." or "..")) throw new ConfigException($"'{value}' has a '.' or '..' in it; write the path out");
        var plain = "/" + string.Join('/', value.Split('/', StringSplitOptions.RemoveEmptyEntries));
        return plain == "/" ? throw new ConfigException("'/' can't be used; give a directory of its own") : plain;
    }

    public static string DirectoryOrNone(string value) => value.Length == 0 ? value : Directory(value);

    public static string FileOrNone(string value) => DirectoryOrNone(value);

    /// <summary>Each absolute; none is allowed.</summary>
    public static IReadOnlyList<string> DirectoriesOrNone(IReadOnlyList<string> values) => [.. values.Select(Directory)];

    public static IReadOnlyList<string> Directories(IReadOnlyList<string> values) =>
        values.Count == 0 ? throw new ConfigException("the list is empty; name at least one directory") : [.. values.Select(Directory)];

    public static string SocketUrl(string value)
    {
        var path = value.StartsWith(UnixScheme, StringComparison.Ordinal)
            ? Directory(value[UnixScheme.Length..])
            : throw new ConfigException($"'{value}' is not of the form unix:///PATH");
        var length = Encoding.UTF8.GetByteCount(path);
        return length <= ListeningSocket.LongestPathBytes
            ? UnixScheme + path
            : throw new ConfigException($"the path of '{value}' has {length} bytes; "
                + $"a Unix socket's has at most {ListeningSocket.LongestPathBytes}");
    }

    public static LogLevel Level(string value)
    {
        foreach (var (name, level) in Levels)
        {
            if (name == value || level.ToString().Equals(value, StringComparison.OrdinalIgnoreCase)) return level; // "warning" as well
        }

        throw new ConfigException($"'{value}' is no log level; use {string.Join(", ", Levels.Select(l => l.Name))}");
    }

    public static string LevelName(LogLevel level) => Array.Find(Levels, l => l.Level == level).Name;

    public static string CgroupDriver(string value) => value switch
    {
        "cgroupfs" or "systemd" => value,
        _ => throw new ConfigException(
            $"'{value}' is no cgroup driver; use \"cgroupfs\" or \"systemd\", the same as in kubelet's cgroupDriver"),
    };

    /// <summary>A profile's name as the kernel lists it, or empty.</summary>
    public static string ApparmorProfile(string value) => value.Any(char.IsControl) || value == "unconfined"
        ? throw new ConfigException($"'{value}' is no profile; name one as /sys/kernel/security/apparmor/profiles does, or \"\" for unconfined")
        : value;

    /// <summary>A cgroup's path, or a slice's name for the systemd driver.</summary>
    public static string CgroupRoot(string value) => SliceName.TryExpand(value) is null ? Directory(value) : value;

    public static string LoopbackAddress(string value) =>
        IPAddress.TryParse(value, out var address) && IPAddress.IsLoopback(address)
            ? address.ToString()
            : throw new ConfigException($"'{value}' is not a loopback address; use \"127.0.0.1\" or \"::1\": kubelet connects from this node");

    public static int Between(long value, int least, int most) =>
        value >= least && value <= most ? (int)value : throw new ConfigException($"{value} is out of range; use {least} to {most}");

    /// <summary>A TOML basic string.</summary>
    public static string Quoted(string value)
    {
        var text = new StringBuilder("\"");
        foreach (var c in value)
        {
            if (c is '"' or '\\') text.Append('\\').Append(c);
            else if (char.IsControl(c)) text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else text.Append(c);
        }

        return text.Append('"').ToString();
    }
}
