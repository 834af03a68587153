using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Stdio;

/// <summary>
/// Where runc hands over the master of the terminal that it made (<c>--console-socket</c>): one connection, one descriptor.
/// </summary>
internal sealed class ConsoleSocket : IEpollHandler, IDisposable
{
    private readonly EpollLoop _loop;
    private readonly Action<int> _onMaster;
    private int _listener;
    private int _connection = -1;

    /// <param name="onMaster">Gets the master, to own.</param>
    public ConsoleSocket(EpollLoop loop, string path, Action<int> onMaster)
    {
        (_loop, Path, _onMaster) = (loop, path, onMaster);
        _listener = UnixSocket.Listen(path, 1);
        _loop.Add(_listener, (uint)EPOLLIN, this);
    }

    /// <summary>One that another program of this process has made.</summary>
    public ConsoleSocket(EpollLoop loop, string path, Action<int> onMaster, (int Listener, int Connection) inherited)
    {
        (_loop, Path, _onMaster) = (loop, path, onMaster);
        (_listener, _connection) = inherited;
        _loop.Add(_listener, (uint)EPOLLIN, this);
        if (_connection >= 0) _loop.Add(_connection, (uint)EPOLLIN, this);
    }

    public string Path { get; }

    public (int Listener, int Connection) Descriptors => (_listener, _connection);

    public void OnReady(uint events)
    {
        if (_connection < 0)
        {
            _connection = UnixSocket.Accept(_listener);
            if (_connection >= 0) _loop.Add(_connection, (uint)EPOLLIN, this);
            return;
        }

        var master = UnixSocket.ReceiveDescriptor(_connection);
        if (master < 0) return;
        Dispose();
        _onMaster(master);
    }

    /// <summary>Takes what runc has sent and the loop has not seen yet: runc may end first.</summary>
    public void Settle()
    {
        for (var step = 0; step < 2 && _listener >= 0; step++) OnReady((uint)EPOLLIN);
    }

    public void Dispose()
    {
        if (_listener < 0) return;
        _loop.Remove(_listener);
        FileDescriptor.Close(ref _listener);
        if (_connection >= 0) _loop.Remove(_connection);
        FileDescriptor.Close(ref _connection);
        ScratchFile.Delete(Path);
    }
}
