
namespace ShimRuntime.Daemon.Logging;

/// <summary>Writes each message as one line to stderr; see <see cref="LogLine"/>.</summary>
internal sealed class StderrLogger(string category, StderrLoggerProvider provider) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= provider.Threshold(category) && logLevel != LogLevel.None;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) provider.Write(logLevel, category, formatter(state, exception), exception);
    }
}
