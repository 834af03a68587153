using System.Net;
using System.Net.Sockets;
using Tmds.Linux;
using Xunit;

namespace ShimRuntime.Linux.Tests.Sockets;

public sealed class ListenerStateTests : IDisposable
{
    private const int Backlog = 7;
    private const int SHUT_RDWR = 2;
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public ListenerStateTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(Backlog);
    }

    private int Fd => (int)_listener.Handle;

    [Fact]
    public void It_is_what_the_listener_was_made_as()
    {
        var state = ListenerState.TryOf(Fd);
        Assert.Equal(new ListenerState(Backlog, false, 0), state);
        Assert.False(state!.Value.Restore(Fd));
    }

    [Fact]
    public void One_that_was_shut_down_listens_again_with_its_backlog()
    {
        var state = ListenerState.TryOf(Fd)!.Value;
        Assert.Equal(0, LibC.shutdown(Fd, SHUT_RDWR));
        Assert.Null(ListenerState.TryOf(Fd));
        Assert.True(state.Restore(Fd));
        Assert.Equal(state, ListenerState.TryOf(Fd));
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(_listener.LocalEndPoint!);
        using var server = _listener.Accept();
        Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
    }

    [Fact]
    public void Connections_do_not_get_the_linger_of_one_that_closed_it()
    {
        var state = ListenerState.TryOf(Fd)!.Value;
        _listener.LingerState = new LingerOption(true, 0);
        Assert.True(state.Restore(Fd));
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(_listener.LocalEndPoint!);
        using var server = _listener.Accept();
        Assert.False(server.LingerState!.Enabled);
    }

    [Fact]
    public void A_Unix_listener_has_none()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint($"\0shimruntime-test-{Guid.NewGuid()}"));
        socket.Listen(1);
        Assert.Null(ListenerState.TryOf((int)socket.Handle));
    }

    public void Dispose() => _listener.Dispose();
}
