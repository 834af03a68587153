using ShimRuntime.Linux;
using ShimRuntime.Shim.Serving;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Sockets;

/// <summary>
/// Where runc hands over the descriptor of a filter that notifies (listenerPath of config-linux.md, "Seccomp"): once for the generation's own
/// processes, and once for each exec, whose process gets a filter of its own. Each is answered by a <see cref="BindAdopter"/> until its last
/// process has ended.
/// </summary>
internal sealed partial class FilterSocket : IEpollHandler, IDisposable
{
    private const int Backlog = 16;
    private const int MaxFilters = 512;
    private readonly EpollLoop _loop;
    private readonly HeldListeners _held;
    private readonly string _path;
    private readonly List<Handing> _connections = [];
    private readonly List<BindAdopter> _adopters = [];
    private int _listener;

    public FilterSocket(EpollLoop loop, string path, HeldListeners held)
    {
        (_loop, _path, _held) = (loop, path, held);
        _listener = UnixSocket.Listen(path, Backlog);
        _loop.Add(_listener, (uint)EPOLLIN, this);
    }

    /// <summary>A listener has got a new owner.</summary>
    public Action? OnAdopted { get; set; }

    /// <summary>Those that the generation's own processes, whose filter came first, have not asked for; all while there is no filter.</summary>
    public IEnumerable<HeldListener> Missing => _adopters.Count > 0 ? _adopters[0].Missing : _held.All;

    public void OnReady(uint events)
    {
        for (int fd; _listener >= 0 && (fd = UnixSocket.Accept(_listener)) >= 0;) _connections.Add(new Handing(this, fd));
    }

    /// <summary>Takes what runc has sent and the loop has not seen yet: runc may end first.</summary>
    public void Settle()
    {
        OnReady((uint)EPOLLIN);
        foreach (var connection in _connections.ToArray()) connection.OnReady((uint)EPOLLIN);
    }

    public void Dispose()
    {
        if (_listener < 0) return;
        _loop.Remove(_listener);
        FileDescriptor.Close(ref _listener);
        foreach (var connection in _connections.ToArray()) connection.End();
        foreach (var adopter in _adopters) adopter.Dispose();
        ScratchFile.Delete(_path);
    }

    private void Take(int fd)
    {
        // The first stays, ended or not: it says what the generation has taken.
        for (var i = _adopters.Count - 1; i > 0; i--)
        {
            if (_adopters[i].HasEnded) _adopters.RemoveAt(i);
        }

        if (_adopters.Count < MaxFilters)
        {
            _adopters.Add(new BindAdopter(_loop, fd, _held) { OnAdopted = Adopted });
            return;
        }

        ErrorLog.Write($"an exec gets no answer to its binds: {MaxFilters} filters are in use");
        FileDescriptor.Close(ref fd);
    }

    private void Adopted() => OnAdopted?.Invoke();

    /// <summary>One connection, one descriptor.</summary>
    private sealed class Handing : IEpollHandler
    {
        private readonly FilterSocket _owner;
        private int _fd;

        public Handing(FilterSocket owner, int fd)
        {
            (_owner, _fd) = (owner, fd);
            owner._loop.Add(fd, (uint)EPOLLIN, this);
        }

        public int Descriptor => _fd;

        public void OnReady(uint events)
        {
            try
            {
                var descriptor = UnixSocket.ReceiveDescriptor(_fd);
                if (descriptor < 0) return;
                End();
                _owner.Take(descriptor);
            }
            catch (RuntimeFault)
            {
                End(); // whoever it was, it was not runc
            }
        }

        public void End()
        {
            _owner._loop.Remove(_fd);
            FileDescriptor.Close(ref _fd);
            _owner._connections.Remove(this);
        }
    }
}
