using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Stdio;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Tests.Logging;

/// <summary>A log file, and real pipes pumped into it by a real loop.</summary>
internal sealed unsafe class LogRig : IDisposable
{
    private readonly ReadBuffer _buffer = new();
    private readonly LogWriter _writer;
    private readonly List<Exception> _errors = [];

    public LogRig(string? directory = null)
    {
        Directory = directory ?? System.IO.Directory.CreateTempSubdirectory("log-").FullName;
        File = LogFile.Open(Directory, "0.log");
        _writer = new LogWriter(File);
    }

    public string Directory { get; }

    public LogFile File { get; }

    public string Path => $"{Directory}/0.log";

    /// <summary>Writes each chunk with one write(2) into a pipe per stream, from another thread, and pumps until both have ended.</summary>
    public void Pump(IEnumerable<(LogStream Stream, byte[] Bytes)> chunks, Action<int>? beforeChunk = null)
    {
        var pipes = new[] { FileDescriptor.CreatePipe(), FileDescriptor.CreatePipe() };
        using var loop = new EpollLoop(_errors.Add);
        var open = 2;
        for (var i = 0; i < 2; i++)
        {
            var pump = new LogPump(loop, pipes[i].Read, (LogStream)i, new OutputSink(_writer, _buffer, new Attachers()), () =>
            {
                if (--open == 0) loop.Stop();
            });
            pump.Start();
        }

        var writer = new Thread(() =>
        {
            var number = 0;
            foreach (var (stream, bytes) in chunks)
            {
                beforeChunk?.Invoke(number++);
                fixed (byte* p = bytes)
                {
                    for (var at = 0; at < bytes.Length;) at += (int)write(pipes[(int)stream].Write, p + at, bytes.Length - at);
                }
            }

            foreach (var pipe in pipes) _ = close(pipe.Write);
        });
        writer.Start();
        loop.Run();
        writer.Join();
        if (_errors.Count > 0) throw new AggregateException(_errors);
    }

    /// <summary>Ends a pump whose stream somebody goes on writing to as fast as he can; returns once the pump has let go.</summary>
    public void EndUnderFire()
    {
        var pipe = FileDescriptor.CreatePipe();
        using var loop = new EpollLoop(_errors.Add);
        var pump = new LogPump(loop, pipe.Read, LogStream.Stdout, new OutputSink(_writer, _buffer, new Attachers()), () => { });
        var started = new ManualResetEventSlim();
        var writer = new Thread(() =>
        {
            var block = stackalloc byte[4096];
            new Span<byte>(block, 4096).Fill((byte)'\n');
            while ((long)write(pipe.Write, block, 4096) > 0) started.Set(); // until the reading end is closed: EPIPE
        });
        writer.Start();
        started.Wait();
        pump.EndNow();
        writer.Join();
        _ = close(pipe.Write);
    }

    public IReadOnlyList<(DateTimeOffset At, string Stream, string Tag, string Text)> Lines()
    {
        var all = System.IO.File.ReadAllText(Path, System.Text.Encoding.Latin1);
        if (all.Length > 0 && !all.EndsWith('\n')) throw new InvalidDataException("the last line is torn");
        return [.. all.Split('\n')[..^1].Select(Parse)];
    }

    public void Dispose()
    {
        _writer.Dispose();
        _buffer.Dispose();
        File.Dispose();
        System.IO.Directory.Delete(Directory, true);
    }

    private static (DateTimeOffset At, string Stream, string Tag, string Text) Parse(string line)
    {
        var fields = line.Split(' ', 4);
        if (fields is not [{ Length: 30 } at, "stdout" or "stderr", "P" or "F", _])
            throw new InvalidDataException($"no CRI log line: '{line}'");
        return (DateTimeOffset.Parse(at, System.Globalization.CultureInfo.InvariantCulture), fields[1], fields[2], fields[3]);
    }
}
