using ShimRuntime.Linux;
using ShimRuntime.Shim.Session.Remote;
using ShimRuntime.Shim.Session.Wire;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Session.Exec;

/// <summary>
/// The exec'd process's stdin, stdout and stderr: pipes for those that the client wanted, or one terminal. Reading begins when runc has
/// succeeded: what runc itself prints when it fails is no output of the process.
/// </summary>
internal sealed class ExecStdio : IDisposable
{
    private readonly SessionHost _host;
    private readonly RemoteConnection _client;
    private readonly (uint Uid, uint Gid) _owner; // of the pipes, on the host
    private readonly List<FdMapping> _childFds = [];
    private readonly List<FdToStream> _pumps = [];
    private ConsoleSocket? _console;
    private (ushort Columns, ushort Rows) _size;
    private int _terminal = -1; // the master, for its size

    public ExecStdio(SessionHost host, RemoteConnection client, ExecTarget target, (ushort Columns, ushort Rows) size)
    {
        (_host, _client, _size, _owner) = (host, client, size, (target.StdioUid, target.StdioGid));
        if (target.Streams.Tty)
        {
            _console = new ConsoleSocket(host.Loop, $"{host.Directory}/tty.sock", TakeMaster);
            return;
        }

        if (client.Stdin is { } stdin)
        {
            var pipe = FileDescriptor.CreatePipe(_owner);
            _childFds.Add(new FdMapping(pipe.Read, 0));
            stdin.Open(pipe.Write);
        }

        if (client.Stdout is { } stdout) AddOutput(stdout, 1);
        if (client.Stderr is { } stderr) AddOutput(stderr, 2);
    }

    /// <summary>Called when every output stream has ended.</summary>
    public required Action OnEnded { get; init; }

    public bool HasEnded => _pumps.TrueForAll(p => p.HasEnded);

    /// <summary>True while output is there that the client has no room for.</summary>
    public bool IsPaused => _pumps.Exists(p => p.IsPaused);

    /// <summary>What runc is to be given as 0–2; the others are /dev/null.</summary>
    public IReadOnlyList<FdMapping> ChildFds => _childFds;

    public string? ConsoleSocketPath => _console?.Path;

    /// <summary>runc has its copies: ours would keep the streams from ending.</summary>
    public void CloseChildEnds() => FdMapping.CloseSources(_childFds);

    public void StartPumping()
    {
        _console?.Settle(); // a terminal's pump starts when its master comes
        foreach (var pump in _pumps) pump.Start();
    }

    public void Resize(ushort columns, ushort rows)
    {
        _size = (columns, rows);
        if (_terminal >= 0) Terminal.Resize(_terminal, columns, rows);
    }

    /// <summary>Sends what is there now and closes: for streams that somebody holds open beyond the process's end.</summary>
    public void EndNow()
    {
        foreach (var pump in _pumps.ToArray()) pump.EndNow();
    }

    public void Dispose()
    {
        CloseChildEnds();
        foreach (var pump in _pumps) pump.Dispose();
        _client.Stdin?.Dispose();
        _console?.Dispose();
        FileDescriptor.Close(ref _terminal);
    }

    private void AddOutput(ClientStream stream, int target)
    {
        var pipe = FileDescriptor.CreatePipe(_owner);
        _childFds.Add(new FdMapping(pipe.Write, target));
        _pumps.Add(new FdToStream(_host.Loop, _host.Buffer, pipe.Read, stream, Ended));
    }

    private void TakeMaster(int master)
    {
        _console = null;
        _terminal = FileDescriptor.Duplicate(master);
        if (_size != default) Terminal.Resize(_terminal, _size.Columns, _size.Rows);
        _client.Stdin?.Open(FileDescriptor.Duplicate(master));
        var pump = new FdToStream(_host.Loop, _host.Buffer, master, _client.Stdout, Ended);
        _pumps.Add(pump);
        pump.Start();
    }

    private void Ended()
    {
        if (HasEnded) OnEnded();
    }
}
