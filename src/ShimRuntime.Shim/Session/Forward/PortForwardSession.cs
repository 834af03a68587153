using System.Buffers.Binary;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Session.Spdy;
using ShimRuntime.Shim.Session.WebSocket;
using ShimRuntime.Shim.Session.Wire;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Session.Forward;

/// <summary>
/// One client of PortForward: any number of connections to any ports of the pod. Over SPDY, or SPDY tunnelled in a WebSocket, the
/// client opens a pair of streams for each connection; over plain WebSocket channels there is one connection for each port of the
/// CRI request, on channels 2n (data) and 2n + 1 (errors), both of which begin with the port, little-endian.
/// The thread moves into the pod's network namespace once, before it dials.
/// </summary>
internal sealed class PortForwardSession(SessionHost host, PortForwardTarget target) : IDisposable
{
    private const string Protocol = "portforward.k8s.io";
    private const int MaxConnections = 512;
    private static readonly string[] Tunnels = ["SPDY/3.1+portforward.k8s.io", "v2.portforward.k8s.io"];

    private static readonly (string Name, ChannelFormat Format)[] Channels =
    [
        ("v5.channel.k8s.io", new(false, true, true)), ("v4.channel.k8s.io", new(false, false, false)),
        ("v4.base64.channel.k8s.io", new(true, false, false)),
    ];

    private readonly HashSet<PodConnection> _connections = [];
    private StreamPairs? _pairs;
    private SpdyConnection? _spdy;
    private WebSocketChannels? _channels;

    public void Start()
    {
        host.Socket.OnEnded = Ended;
        host.Socket.OnDrained = () =>
        {
            _spdy?.Drained();
            _channels?.Drained();
        };
        if (target.NetworkNamespace.Length > 0) LinuxNamespace.Enter(target.NetworkNamespace, NamespaceKinds.Network);
        if (host.Request.Websocket) OpenWebSocket();
        else OpenSpdy();
    }

    public void Dispose() => _spdy?.Dispose();

    private void OpenSpdy()
    {
        var offered = host.Request.StreamProtocols;
        if (offered.Count > 0 && !offered.Contains(Protocol))
        {
            HttpAnswer.RefuseProtocol(host.Socket, offered, [Protocol]);
            return;
        }

        HttpAnswer.Upgrade(host.Socket, host.Request, Protocol);
        host.Socket.Receiver = ServePairs(host.Socket);
    }

    private SpdyConnection ServePairs(ITransport transport)
    {
        _pairs = new StreamPairs(host, Forward);
        return _spdy = new SpdyConnection(transport, _pairs.Take);
    }

    private void OpenWebSocket()
    {
        var offered = host.Request.WebsocketProtocols;
        if (Array.Find(Tunnels, offered.Contains) is { } tunnel)
        {
            HttpAnswer.Upgrade(host.Socket, host.Request, tunnel);
            var connection = new WebSocketConnection(host.Socket);
            var carrier = new WebSocketTunnel(connection);
            carrier.Receiver = ServePairs(carrier);
            host.Socket.Receiver = connection;
            return;
        }

        var chosen = Array.Find(Channels, c => offered.Contains(c.Name));
        if (offered.Count == 0) chosen = ("", Channels[1].Format);
        if (chosen.Name is null || target.Ports.Count == 0)
        {
            HttpAnswer.RefuseProtocol(host.Socket, offered, [.. Tunnels, .. Channels.Select(c => c.Name)]);
            return;
        }

        HttpAnswer.Upgrade(host.Socket, host.Request, chosen.Name);
        ServeChannels(chosen.Format);
    }

    private void ServeChannels(ChannelFormat format)
    {
        var connection = new WebSocketConnection(host.Socket);
        _channels = new WebSocketChannels(connection, format, target.Ports.Count * 2);
        host.Socket.Receiver = connection;
        Span<byte> port = stackalloc byte[2];
        for (var i = 0; i < target.Ports.Count; i++)
        {
            var (data, error) = (_channels[2 * i], _channels[(2 * i) + 1]);
            BinaryPrimitives.WriteUInt16LittleEndian(port, (ushort)target.Ports[i]);
            data.Write(port);
            error.Write(port);
            var toPod = new StreamToFd(host.Loop, data, host.Socket.Inbound, TcpSocket.EndSending);
            Forward(new ForwardRequest(target.Ports[i], data, error, toPod, format.HearsEnd));
        }
    }

    private void Forward(ForwardRequest request)
    {
        if (_connections.Count >= MaxConnections)
        {
            request.ToPod.Dispose();
            request.Data.Reset();
            request.Error.Reset();
            return;
        }

        var connection = new PodConnection(host, (target.SandboxId, target.NetworkNamespace), request, Done);
        _connections.Add(connection);
        connection.Start();
    }

    private void Done(PodConnection connection)
    {
        _connections.Remove(connection);
        if (_channels is not null && _connections.Count == 0) _channels.Close();
    }

    private void Ended(string why)
    {
        if (why.Length > 0) host.Log(why);
        _pairs?.Clear();
        foreach (var connection in _connections.ToArray()) connection.Dispose();
        _spdy?.Abort();
        host.End();
    }
}
