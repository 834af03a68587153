using System.Globalization;
using System.Text;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Upgrades;

/// <summary>
/// The new daemon, as the old one sees it: a child that waits, then takes over. The two speak by two pipes, lines one way and one byte the other:
/// <code>
///   new                                   old
///   settings, machine, server: fine
///   "booted VERSION"               -->    answers shimctl; stops accepting, GOAWAY, drains, writes handover.json, gives its locks up
///                                  &lt;--    one byte
///   locks, recovers, accepts
///   "ready"                        -->    ends; before: tells systemd the new main pid
///   "failed: CAUSE", or its end    -->    locks again, recovers, accepts
/// </code>
/// Clients wait in the backlog of the one listening socket that both have.
/// </summary>
internal sealed class Successor : IDisposable
{
    public const string Flag = "--takeover";
    public const int CriFd = 3;
    public const int StreamsFd = 4;
    public const int StatusFd = 5;
    public const int GoFd = 6;
    public const string Booted = "booted ";
    public const string ReadyLine = "ready";
    private const int MostLineBytes = 4096;
    private static readonly TimeSpan BootPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ReadyPatience = TimeSpan.FromSeconds(10);
    private readonly SpawnedProcess _process;
    private readonly ExitWatcher _exits = new();
    private int _status;
    private int _go;
    private bool _isReaped;

    private Successor(SpawnedProcess process, int status, int go) => (_process, _status, _go) = (process, status, go);

    public int Pid => _process.Pid;

    public string Version { get; private set; } = "";

    /// <summary>Starts it and waits until it has shown that it can run.</summary>
    /// <exception cref="RuntimeFault">FailedPrecondition with its words; Aborted: somebody has the file open for writing. Nothing has changed.</exception>
    public static async Task<Successor> StartAsync(string binary, (int Cri, int Streams) listeners, CancellationToken cancellation)
    {
        var successor = await BusyProgram.RetryAsync(() => Task.FromResult(Spawn(binary, listeners)), e => e is RuntimeFault { Code: FaultCode.Aborted }, cancellation)
            .ConfigureAwait(false);
        try
        {
            var line = await successor.LineAsync(BootPatience, cancellation).ConfigureAwait(false);
            if (!line.StartsWith(Booted, StringComparison.Ordinal))
                throw RuntimeFault.FailedPrecondition($"failed to upgrade the daemon to '{binary}': {line}; the running one goes on");
            successor.Version = line[Booted.Length..];
            return successor;
        }
        catch
        {
            await successor.EndAsync().ConfigureAwait(false);
            successor.Dispose();
            throw;
        }
    }

    /// <summary>Everything is its own from now on. Empty: it serves; else why it does not, and that it has ended.</summary>
    public async Task<string> TakeOverAsync()
    {
        FileDescriptor.WriteByte(_go);
        var line = await LineAsync(ReadyPatience, CancellationToken.None).ConfigureAwait(false);
        if (line == ReadyLine) return "";
        await EndAsync().ConfigureAwait(false);
        return line;
    }

    /// <summary>It serves, and is told to end as this daemon was, which is not the one that serves any more.</summary>
    public void Stop() => _process.PidFd.Signal(15);

    /// <summary>Returns when there is nothing left of it: its locks are free then.</summary>
    public async Task EndAsync()
    {
        if (_isReaped) return;
        _process.PidFd.Signal(9);
        await _exits.ReapAsync(_process, CancellationToken.None).ConfigureAwait(false);
        _isReaped = true;
    }

    public void Dispose()
    {
        FileDescriptor.Close(ref _status);
        FileDescriptor.Close(ref _go);
        _process.Dispose();
        _exits.Dispose();
    }

    private static Successor Spawn(string binary, (int Cri, int Streams) listeners)
    {
        var (status, go) = (FileDescriptor.CreatePipe(), FileDescriptor.CreatePipe());
        int ours = status.Write, theirs = go.Read;
        try
        {
            var process = Spawner.Spawn(new SpawnRequest
            {
                Path = binary,
                // Our own flags: it is to serve the same node.
                Arguments = [binary, .. Environment.GetCommandLineArgs().Skip(1).Where(a => a != Flag), Flag],
                Environment = [.. OwnEnvironment()],
                Fds = [new(1, 1), new(2, 2), new(listeners.Cri, CriFd), new(listeners.Streams, StreamsFd), new(status.Write, StatusFd), new(go.Read, GoFd)],
                NewSession = true,
            });
            return new Successor(process, status.Read, go.Write);
        }
        catch (LinuxException e)
        {
            int read = status.Read, write = go.Write;
            FileDescriptor.Close(ref read);
            FileDescriptor.Close(ref write);
            throw new RuntimeFault(BusyProgram.IsCauseOf(e) ? FaultCode.Aborted : FaultCode.FailedPrecondition,
                $"failed to upgrade the daemon to '{binary}': {BusyProgram.Words(e)}; the running one goes on");
        }
        finally
        {
            FileDescriptor.Close(ref ours);
            FileDescriptor.Close(ref theirs);
        }
    }

    /// <summary>And what was taken out of it for our children: this one is no child.</summary>
    private static IEnumerable<string> OwnEnvironment()
    {
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (!ServiceNotifier.Variable.Equals(variable.Key)) yield return $"{variable.Key}={variable.Value}";
        }

        if (ServiceNotifier.SocketPath is { } path) yield return $"{ServiceNotifier.Variable}={path}";
    }

    /// <summary>Its next line, or in words that none came.</summary>
    private async Task<string> LineAsync(TimeSpan patience, CancellationToken cancellation)
    {
        var deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        var line = await Task.Run(() => ReadLine(deadline), CancellationToken.None).WaitAsync(cancellation).ConfigureAwait(false);
        if (line is not null) return line;
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            var exit = await _exits.ReapAsync(_process, soon.Token).ConfigureAwait(false);
            _isReaped = true;
            return $"it ended with {exit.Code}; its log says why";
        }
        catch (OperationCanceledException)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it said nothing for {patience.TotalSeconds:0} s");
        }
    }

    private unsafe string? ReadLine(long deadline)
    {
        var bytes = new List<byte>();
        byte next;
        while (bytes.Count < MostLineBytes)
        {
            var left = deadline - Environment.TickCount64;
            if (left <= 0 || !FileDescriptor.WaitReadable(_status, (int)left) || FileDescriptor.Read(_status, &next, 1) <= 0) return null;
            if (next == '\n') break;
            bytes.Add(next);
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
