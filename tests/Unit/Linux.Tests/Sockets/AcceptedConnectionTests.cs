using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace ShimRuntime.Linux.Tests.Sockets;

public sealed class AcceptedConnectionTests
{
    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::", "127.0.0.1")] // both families on one socket: the kernel finds it by either
    public void An_accepted_connection_is_found_by_its_addresses(string listens, string connects)
    {
        using var listener = Listen(IPAddress.Parse(listens));
        using var client = Connect(listener, IPAddress.Parse(connects));
        Assert.Null(AcceptedConnection.InodeOf(Environment.ProcessId, Fd(client)));
        using var server = listener.Accept();
        Assert.Equal(InodeOf(server), AcceptedConnection.InodeOf(Environment.ProcessId, Fd(client)));
    }

    [Fact]
    public void One_among_many_is_told_apart()
    {
        using var listener = Listen(IPAddress.Loopback);
        var clients = Enumerable.Range(0, 20).Select(_ => Connect(listener, IPAddress.Loopback)).ToList();
        var servers = clients.Take(10).Select(_ => listener.Accept()).ToList();
        var expected = servers.ToDictionary(s => s.RemoteEndPoint!, InodeOf);
        foreach (var client in clients)
        {
            ulong? inode = expected.TryGetValue(client.LocalEndPoint!, out var known) ? known : null;
            Assert.Equal(inode, AcceptedConnection.InodeOf(Environment.ProcessId, Fd(client)));
        }

        foreach (var socket in clients.Concat(servers)) socket.Dispose();
    }

    [Fact]
    public void What_is_no_connection_is_not_found()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Null(AcceptedConnection.InodeOf(Environment.ProcessId, Fd(socket)));
    }

    private static Socket Listen(IPAddress address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (address.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
        socket.Bind(new IPEndPoint(address, 0));
        socket.Listen(64);
        return socket;
    }

    private static Socket Connect(Socket listener, IPAddress address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address, ((IPEndPoint)listener.LocalEndPoint!).Port);
        return socket;
    }

    private static int Fd(Socket socket) => (int)socket.Handle;

    private static ulong InodeOf(Socket socket)
    {
        var target = File.ResolveLinkTarget($"/proc/self/fd/{Fd(socket)}", false)!.Name;
        return ulong.Parse(target["socket:[".Length..^1], CultureInfo.InvariantCulture);
    }
}
