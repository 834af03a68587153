using System.Collections.Concurrent;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Daemon.Logging;

/// <summary>
/// The daemon's log: one line a message, one write(2) a line, straight to stderr, so that what was logged before a crash is there.
/// No queue and no thread of its own.
/// </summary>
internal sealed class StderrLoggerProvider : ILoggerProvider
{
    private readonly ConcurrentDictionary<string, StderrLogger> _loggers = new();
    private readonly LogLevel _level;
    private readonly bool _journal;
    private readonly TimeProvider _clock;

    /// <param name="journal">journald reads stderr: levels as sd-daemon(3) prefixes, no time of ours.</param>
    public StderrLoggerProvider(LogLevel level, bool journal, TimeProvider clock)
    {
        _level = level;
        _journal = journal;
        _clock = clock;
    }

    public ILogger CreateLogger(string categoryName) => _loggers.GetOrAdd(categoryName, name => new StderrLogger(name, this));

    /// <summary>The web server's own news matter only as warnings, unless everything is asked for.</summary>
    public LogLevel Threshold(string category) =>
        _level is LogLevel.Trace or >= LogLevel.Warning || IsOurs(category) ? _level : LogLevel.Warning;

    public void Write(LogLevel level, string category, string message, Exception? exception)
    {
        var text = LogLine.WithCause(message, exception, _level <= LogLevel.Debug);
        WriteAll(LogLine.Format(_journal ? null : _clock.GetUtcNow(), level, category, text));
    }

    private static bool IsOurs(string category) =>
        category.StartsWith("ShimRuntime", StringComparison.Ordinal) || !category.Contains('.');

    /// <summary>A stderr that is closed or whose reader died is no error: there is nowhere to say so.</summary>
    private static unsafe void WriteAll(ReadOnlySpan<byte> line)
    {
        fixed (byte* start = line)
        {
            for (var done = 0; done < line.Length;)
            {
                var count = (long)write(STDERR_FILENO, start + done, line.Length - done);
                if (count < 0 && errno != EINTR) return;
                if (count > 0) done += (int)count;
            }
        }
    }

    public void Dispose()
    {
    }
}
