using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Sockets;

/// <content>Filters that another program of this process goes on to answer: what they have asked meanwhile waits in the kernel.</content>
internal sealed partial class FilterSocket
{
    public FilterSocket(EpollLoop loop, string path, HeldListeners held, SavedFilters saved)
    {
        (_loop, _path, _held, _listener) = (loop, path, held, StateReader.Fd(saved.Listener));
        if (_listener >= 0) _loop.Add(_listener, (uint)EPOLLIN, this);
        foreach (var connection in saved.Connections) _connections.Add(new Handing(this, connection));
        foreach (var filter in saved.Filters) _adopters.Add(new BindAdopter(loop, held, filter) { OnAdopted = Adopted });
    }

    public SavedFilters Save(StateWriter writer) => new()
    {
        Listener = writer.Keep(_listener),
        Connections = { _connections.Select(c => writer.Keep(c.Descriptor)) },
        Filters = { _adopters.Select(a => a.Save(writer)) },
    };
}
