using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.ShimProtocol;

/// <summary>The shim's socket: mode 0600, and whoever connects must be root or our own user (SO_PEERCRED).</summary>
public sealed class ShimListener : IEpollHandler
{
    private const int Backlog = 64;
    private const int MaxConnections = 64;
    private static readonly TimeSpan PauseTime = TimeSpan.FromMilliseconds(100);
    private readonly EpollLoop _loop;
    private readonly string _path;
    private readonly IShimService _service;
    private readonly List<ShimConnection> _connections = [];
    private readonly LoopTimer _pause;
    private int _fd;

    public ShimListener(EpollLoop loop, string path, IShimService service)
    {
        (_loop, _path, _service) = (loop, path, service);
        _pause = loop.CreateTimer(Watch);
        _fd = UnixSocket.Listen(path, Backlog);
        Watch();
    }

    /// <summary>One that another program in this process had, with its connections and the calls under way on them.</summary>
    public ShimListener(EpollLoop loop, string path, IShimService service, SavedListener saved)
    {
        (_loop, _path, _service, _fd) = (loop, path, service, saved.Fd);
        _pause = loop.CreateTimer(Watch);
        _pause.DueMilliseconds = saved.PauseDue;
        if (!_pause.IsSet) Watch();
        foreach (var connection in saved.Connections) _connections.Add(new ShimConnection(loop, connection, service, Forget));
    }

    /// <summary>All calls that wait for an answer.</summary>
    public IEnumerable<ShimCall> Calls => _connections.SelectMany(c => c.Calls);

    /// <param name="kept">Gets every descriptor.</param>
    public SavedListener Save(ICollection<int> kept)
    {
        kept.Add(_fd);
        foreach (var connection in _connections) kept.Add(connection.Descriptor);
        return new SavedListener { Fd = _fd, PauseDue = _pause.DueMilliseconds, Connections = { _connections.Select(c => c.Save()) } };
    }

    /// <summary>The call of that place; null: there is none.</summary>
    public ShimCall? Find(SavedCall saved) =>
        _connections.Find(c => c.Descriptor == saved.Connection)?.Calls.FirstOrDefault(c => c.StreamId == saved.Stream);

    /// <summary>True when no answer waits for its socket.</summary>
    public bool IsFlushed => _connections.TrueForAll(c => c.IsFlushed);

    public void OnReady(uint events)
    {
        try
        {
            for (var fd = UnixSocket.Accept(_fd); fd >= 0; fd = UnixSocket.Accept(_fd)) Take(fd);
        }
        catch (LinuxException)
        {
            // No descriptor or no memory is free just now (EMFILE, ENFILE, ENOMEM). Who waits keeps its place; watched on, it would be a
            // busy loop, and not watched any more the shim would be deaf for its life.
            _loop.Remove(_fd);
            _pause.Set(PauseTime);
        }
    }

    /// <summary>Stops listening, takes the socket file away and ends every connection.</summary>
    public void Close()
    {
        if (_fd < 0) return;
        _pause.Clear();
        _loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        ScratchFile.Delete(_path);
        foreach (var connection in _connections.ToArray()) connection.Close();
    }

    private void Forget(ShimConnection connection) => _connections.Remove(connection);

    private void Watch() => _loop.Add(_fd, (uint)EPOLLIN, this);

    private void Take(int fd)
    {
        try
        {
            if (_connections.Count < MaxConnections && PeerCredentials.Of(fd).IsTrusted)
            {
                _connections.Add(new ShimConnection(_loop, fd, _service, Forget));
                return;
            }
        }
        catch
        {
            FileDescriptor.Close(ref fd);
            throw;
        }

        FileDescriptor.Close(ref fd);
    }
}
