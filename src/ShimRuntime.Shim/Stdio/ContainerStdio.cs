using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;

namespace ShimRuntime.Shim.Stdio;

/// <summary>
/// The container's stdin, stdout and stderr: three pipes, or one terminal. Reading begins with <see cref="StartPumping"/>, when runc has
/// succeeded: what runc itself prints on the container's stderr when it fails never reaches the log. Owns every descriptor of ours.
/// </summary>
internal sealed partial class ContainerStdio : IDisposable
{
    private readonly EpollLoop _loop;
    private readonly OutputSink _sink;
    private readonly List<LogPump> _pumps = [];
    private readonly List<FdMapping> _childFds = [];
    private ConsoleSocket? _console;
    private bool _isTerminal;
    private int _master = -1; // the terminal's, for attachers; its pump has another descriptor
    private int _stdinWrite = -1; // held open, so that a reading container waits instead of seeing the end

    private ContainerStdio(EpollLoop loop, OutputSink sink) => (_loop, _sink) = (loop, sink);

    /// <summary>Called when every output stream has ended.</summary>
    public Action? OnEnded { get; set; }

    public bool HasEnded => _pumps.TrueForAll(p => p.HasEnded);

    /// <summary>What runc is to be given as 0–2; 0 is /dev/null when nothing is mapped to it.</summary>
    public IReadOnlyList<FdMapping> ChildFds => _childFds;

    /// <summary>For <c>--console-socket</c>; null: pipes.</summary>
    public string? ConsoleSocketPath => _console?.Path;

    /// <param name="owner">Of the pipes, on the host.</param>
    public static ContainerStdio Pipes(EpollLoop loop, bool stdin, (uint Uid, uint Gid) owner, OutputSink sink)
    {
        var stdio = new ContainerStdio(loop, sink);
        try
        {
            if (stdin) stdio.AddInput(owner);
            stdio.AddOutput(LogStream.Stdout, 1, owner);
            stdio.AddOutput(LogStream.Stderr, 2, owner);
            return stdio;
        }
        catch
        {
            stdio.Dispose();
            throw;
        }
    }

    /// <summary>A terminal that runc makes; everything written to it is logged as stdout.</summary>
    public static ContainerStdio Terminal(EpollLoop loop, string socketPath, OutputSink sink)
    {
        var stdio = new ContainerStdio(loop, sink);
        stdio._isTerminal = true;
        stdio._console = new ConsoleSocket(loop, socketPath, stdio.TakeMaster);
        return stdio;
    }

    /// <summary>runc has its copies: ours would keep the streams from ending.</summary>
    public void CloseChildEnds() => FdMapping.CloseSources(_childFds);

    public void StartPumping()
    {
        if (_isTerminal) _console?.Settle(); // its pump starts when its master comes
        else _pumps.ForEach(p => p.Start());
    }

    /// <summary>Takes what is there now and closes: for streams that somebody holds open beyond the container's end.</summary>
    public void EndNow()
    {
        foreach (var pump in _pumps) pump.EndNow();
    }

    /// <summary>A descriptor to write to the container's stdin with; -1: it has none, or none any more.</summary>
    public int OpenStdin()
    {
        if (_master >= 0) return FileDescriptor.Duplicate(_master);
        return _stdinWrite >= 0 ? FileDescriptor.Duplicate(_stdinWrite) : -1;
    }

    /// <summary>The terminal's master, for its size; -1: there is no terminal.</summary>
    public int OpenTerminal() => _master >= 0 ? FileDescriptor.Duplicate(_master) : -1;

    /// <summary>The container reads the end once every attacher's descriptor is closed too. A terminal's input has no end.</summary>
    public void CloseStdin() => FileDescriptor.Close(ref _stdinWrite);

    public void Dispose()
    {
        FileDescriptor.Close(ref _master);
        CloseChildEnds();
        foreach (var pump in _pumps) pump.Dispose();
        _console?.Dispose();
        FileDescriptor.Close(ref _stdinWrite);
    }

    private void AddInput((uint Uid, uint Gid) owner)
    {
        var pipe = FileDescriptor.CreatePipe(owner);
        _childFds.Add(new FdMapping(pipe.Read, 0));
        _stdinWrite = pipe.Write;
    }

    private void AddOutput(LogStream stream, int target, (uint Uid, uint Gid) owner)
    {
        var pipe = FileDescriptor.CreatePipe(owner);
        _childFds.Add(new FdMapping(pipe.Write, target));
        _pumps.Add(new LogPump(_loop, pipe.Read, stream, _sink, Ended));
    }

    private void TakeMaster(int master)
    {
        var pump = new LogPump(_loop, master, LogStream.Stdout, _sink, Ended);
        _pumps.Add(pump);
        _master = FileDescriptor.Duplicate(master);
        _console = null;
        // Even before runc has ended: it prints nothing to the terminal itself.
        pump.Start();
    }

    private void Ended()
    {
        if (HasEnded) OnEnded?.Invoke();
    }
}
