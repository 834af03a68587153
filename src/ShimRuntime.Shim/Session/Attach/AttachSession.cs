using ShimRuntime.Linux;
using ShimRuntime.Shim.Session.Remote;
using ShimRuntime.Shim.Session.Wire;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Session.Attach;

/// <summary>
/// One attached client. The shim hands over the container's output (a pipe for each stream), its stdin and its terminal; here they
/// meet the client's streams. Ends when the container has and everything is delivered, when the client goes, or when the client falls
/// so far behind that the shim cuts it off.
/// </summary>
internal sealed class AttachSession : IDisposable
{
    /// <summary>How much output may wait here for the client, beside the 1 MiB in the shim's pipe.</summary>
    private const int RingBytes = 4 * 1024 * 1024;

    /// <summary>After the client's stdin has ended: time for the answer to its last words.</summary>
    private static readonly TimeSpan LastAnswer = TimeSpan.FromSeconds(1);
    private readonly SessionHost _host;
    private readonly AttachTarget _target;
    private readonly RemoteConnection _client;
    private readonly LoopTimer _lastAnswer;
    private readonly List<FdToStream> _pumps = [];
    private ShimLink? _shim;
    private int _terminal = -1;
    private (ushort Columns, ushort Rows) _size;
    private bool _stdinOnce;
    private Action? _end;

    public AttachSession(SessionHost host, AttachTarget target)
    {
        (_host, _target) = (host, target);
        host.Socket.CongestionBytes = RingBytes;
        _client = new RemoteConnection(host, target.Streams) { OnReady = Ready, OnResize = Resize, OnGone = ClientGone };
        _lastAnswer = host.Loop.CreateTimer(_client.Succeed);
    }

    public void Start() => _client.Open();

    public void Dispose()
    {
        _shim?.Dispose();
        _client.Dispose();
    }

    private void Ready()
    {
        var streams = _target.Streams;
        try
        {
            _shim = new ShimLink(_host.Loop, _target.ShimSocket) { OnStarted = Started, OnEnded = ShimEnded };
            _shim.Attach(new AttachRequest { Stdin = streams.Stdin, Stdout = streams.Stdout, Stderr = streams.Stderr });
        }
        catch (LinuxException e)
        {
            _client.Fail($"error attaching to container: failed to reach the shim of container '{_target.ContainerId}': {e.Message}");
        }
    }

    private void Started(AttachStarted started, IReadOnlyList<int> descriptors)
    {
        var next = 0;
        var stdin = started.Stdin ? descriptors[next++] : -1;
        if (started.Stdout) AddOutput(descriptors[next++], _client.Stdout);
        if (started.Stderr) AddOutput(descriptors[next++], _client.Stderr);
        if (started.Terminal) _terminal = descriptors[next];
        _stdinOnce = started.StdinOnce;
        if (_size != default) Resize(_size.Columns, _size.Rows);
        // Last: all of the client's stdin may be here already, and its end ends the attach by what is set above.
        if (stdin >= 0) OpenStdin(stdin);
        else _client.Stdin?.Dispose(); // a container without stdin: what the client types is dropped
    }

    private void OpenStdin(int fd)
    {
        if (_client.Stdin is not { } stdin) return;
        stdin.OnFinished = StdinFinished;
        stdin.Open(fd);
    }

    private void AddOutput(int fd, ClientStream? stream)
    {
        var pump = new FdToStream(_host.Loop, _host.Buffer, fd, stream, EndIfDrained);
        _pumps.Add(pump);
        pump.Start();
    }

    /// <summary>As other runtimes: an attach without a terminal is over with its stdin, unless that was the container's own end.</summary>
    private void StdinFinished()
    {
        if (_stdinOnce) _shim?.CloseStdin();
        else if (_terminal < 0) _lastAnswer.Set(LastAnswer);
    }

    private void Resize(ushort columns, ushort rows)
    {
        _size = (columns, rows);
        if (_terminal >= 0) Terminal.Resize(_terminal, columns, rows);
    }

    private void ShimEnded(AttachResult? result, string why)
    {
        _shim = null;
        if (result is null) _end = () => _client.Fail($"error attaching to container: {why}");
        else if (result.CutOff) _end = CutOff;
        else _end = _client.Succeed;
        EndIfDrained();
    }

    private void CutOff() => _client.Fail("error attaching to container: the client read too slowly and fell more than "
        + $"{RingBytes >> 20} MiB behind; the container's log has the rest");

    private void EndIfDrained()
    {
        if (_pumps.TrueForAll(p => p.HasEnded)) _end?.Invoke();
    }

    private void ClientGone()
    {
        _lastAnswer.Clear();
        _shim?.Dispose();
        foreach (var pump in _pumps) pump.Dispose();
        _client.Stdin?.Dispose();
        FileDescriptor.Close(ref _terminal);
        _host.End();
    }
}
