using System.Globalization;
using System.Text;

namespace ShimRuntime.Daemon.Logging;

/// <summary>
/// <c>2026-01-02T03:04:05.678Z info  containers: started container 'ab…'</c>, or under journald <c>&lt;6&gt;containers: started …</c>.
/// Control characters are escaped: what a client names can't forge a line.
/// </summary>
internal static class LogLine
{
    /// <summary>Longest line in characters; the rest is cut off (a client can send names of megabytes).</summary>
    public const int LongestMessage = 16 * 1024;

    public static byte[] Format(DateTimeOffset? time, LogLevel level, string category, string message)
    {
        var line = new StringBuilder(message.Length + 64);
        if (time is { } at) line.Append(CultureInfo.InvariantCulture, $"{at.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {Name(level)} ");
        else line.Append('<').Append(Priority(level)).Append('>');
        line.Append(Room(category)).Append(": ");
        AppendEscaped(line, message);
        return Encoding.UTF8.GetBytes(line.Append('\n').ToString());
    }

    /// <summary>The message and the chain of causes; with stacks when asked.</summary>
    public static string WithCause(string message, Exception? exception, bool stacks)
    {
        if (exception is null) return message;
        return stacks ? $"{message}: {exception}" : $"{message}: {exception.GetType().Name}: {exception.Message}";
    }

    /// <summary>Last part of a category: ShimRuntime.Runtime.Containers.ContainerService → ContainerService.</summary>
    private static ReadOnlySpan<char> Room(string category) => category.AsSpan(category.LastIndexOf('.') + 1);

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info ",
        LogLevel.Warning => "warn ",
        LogLevel.Error => "error",
        _ => "crit ",
    };

    /// <summary>syslog(3) priorities.</summary>
    private static char Priority(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => '7',
        LogLevel.Information => '6',
        LogLevel.Warning => '4',
        LogLevel.Error => '3',
        _ => '2',
    };

    private static void AppendEscaped(StringBuilder line, string message)
    {
        foreach (var c in message.AsSpan(0, Math.Min(message.Length, LongestMessage)))
        {
            if (!char.IsControl(c) && c is not ('\u2028' or '\u2029')) line.Append(c);
            else if (c == '\n') line.Append("\\n");
            else line.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
        }

        if (message.Length > LongestMessage) line.Append(CultureInfo.InvariantCulture, $"… ({message.Length} characters)");
    }
}
