using System.Text;

namespace ShimRuntime.Cli.Logs;

/// <summary>Writes log lines to stdout and stderr as the container did: partial entries joined, with the time if asked.</summary>
internal sealed class LogPrinter(bool timestamps) : IDisposable
{
    private readonly BufferedStream _stdout = new(Console.OpenStandardOutput(), 64 * 1024);
    private readonly BufferedStream _stderr = new(Console.OpenStandardError(), 64 * 1024);
    private bool _stdoutOpen;
    private bool _stderrOpen;

    public void Print(ReadOnlyMemory<byte> raw)
    {
        if (CriLogLine.TryParse(raw) is not { } line) return;
        var stream = line.IsStderr ? _stderr : _stdout;
        ref var open = ref line.IsStderr ? ref _stderrOpen : ref _stdoutOpen;
        if (timestamps && !open) stream.Write(Encoding.ASCII.GetBytes(line.Timestamp + " "));
        stream.Write(line.Content.Span);
        if (!line.IsPartial) stream.WriteByte((byte)'\n');
        open = line.IsPartial;
    }

    public void Flush()
    {
        _stdout.Flush();
        _stderr.Flush();
    }

    public void Dispose()
    {
        _stdout.Dispose();
        _stderr.Dispose();
    }
}
