using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>PortForward: into the pod's network namespace, many connections at once, half-closes, the daemon's death.</summary>
public sealed class StreamingPortForwardTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Cat = "nc -ll -p 7000 -e cat";

    [Fact]
    public async Task ManyConnectionsEachGetTheirOwnAnswers()
    {
        var container = await ServingAsync(Cat);
        await using var client = await ConnectAsync(container.Pod);
        var open = new List<(SpdyClientStream Data, SpdyClientStream Error)>();
        for (var i = 0; i < 20; i++)
        {
            // One after another: the server's accept queue holds one, and it resets what comes beside.
            open.Add(await OpenAsync(client, 7000, i));
            await open[i].Data.WriteAsync("open,");
            await open[i].Data.SawAsync("open,");
        }

        var answers = await Task.WhenAll(open.Select(async (connection, i) =>
        {
            await connection.Data.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"request {i}"));
            await connection.Data.CloseAsync();
            return (await connection.Data.ReadToEndAsync(), await connection.Error.ReadToEndAsync());
        }));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => (string.Create(CultureInfo.InvariantCulture, $"open,request {i}"), "")), answers);
    }

    [Fact]
    public async Task LargeTransfersGoBothWaysUnchanged()
    {
        var container = await ServingAsync(Cat);
        await using var client = await ConnectAsync(container.Pod);
        var (data, _) = await OpenAsync(client, 7000, 0);
        var sent = RandomNumberGenerator.GetBytes(20 << 20);
        foreach (var part in sent.Chunk(100_000)) await data.WriteAsync(part);
        await data.CloseAsync();
        await data.Ended.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(data.Bytes()));
    }

    [Fact]
    public async Task APortThatNobodyServesIsSaidAndTheOthersGoOn()
    {
        var container = await ServingAsync(Cat);
        await using var client = await ConnectAsync(container.Pod);
        var (closed, error) = await OpenAsync(client, 7001, 0);
        Assert.Contains("failed to connect to localhost:7001 inside namespace", await error.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Contains("connection refused", error.Text(), StringComparison.Ordinal);
        await closed.Ended.WaitAsync(Eventually.Patience);
        var (data, _) = await OpenAsync(client, 7000, 1);
        await data.WriteAsync("still here");
        await data.SawAsync("still here");
    }

    [Fact]
    public async Task AServiceOnTheV6LoopbackIsReachedToo()
    {
        var container = await ServingAsync("httpd -p [::1]:7000 -h /www");
        await using var client = await ConnectAsync(container.Pod);
        var (data, _) = await OpenAsync(client, 7000, 0);
        await data.WriteAsync("GET / HTTP/1.0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK", await data.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OnTheHostsNetworkTheHostIsDialled()
    {
        var pod = await RunPodAsync(c => c.Linux.SecurityContext.NamespaceOptions = new NamespaceOption { Network = NamespaceMode.Node, Pid = NamespaceMode.Container });
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var client = await ConnectAsync(pod);
        var (data, _) = await OpenAsync(client, ((IPEndPoint)listener.LocalEndpoint).Port, 0);
        using var served = await listener.AcceptTcpClientAsync();
        await served.GetStream().WriteAsync("host"u8.ToArray());
        await data.SawAsync("host");
    }

    [Fact]
    public async Task AResetOfOneConnectionLeavesTheOthersAlone()
    {
        var container = await ServingAsync(Cat);
        await using var client = await ConnectAsync(container.Pod);
        var (reset, _) = await OpenAsync(client, 7000, 0);
        var (other, _) = await OpenAsync(client, 7000, 1);
        await reset.WriteAsync("x");
        await reset.SawAsync("x");
        await reset.ResetAsync();
        await other.WriteAsync("y");
        await other.SawAsync("y");
        Assert.Equal(9u, await client.PingAsync(9));
    }

    [Fact]
    public async Task ASessionSurvivesTheDaemonsDeathAndEndsWithItsPod()
    {
        var container = await ServingAsync(Cat);
        await using var client = await ConnectAsync(container.Pod);
        await Daemon.KillAsync();
        var (data, _) = await OpenAsync(client, 7000, 0);
        await data.WriteAsync("while it is down");
        await data.SawAsync("while it is down");
        await Daemon.StartAsync();
        await container.Pod.StopAsync();
        await client.Ended.WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task SpdyIsTunnelledThroughAWebSocket()
    {
        var container = await ServingAsync(Cat);
        // .NET's client takes no name with a slash.
        var (raw, head) = await HttpUpgrade.SendAsync((await PortForwardAsync(container.Pod)).Url, "GET {0} HTTP/1.1\r\nHost: {1}\r\nConnection: Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n");
        raw.Dispose();
        Assert.Contains("Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n", head, StringComparison.Ordinal);
        using var socket = await WebSocketAsync((await PortForwardAsync(container.Pod)).Url, "v2.portforward.k8s.io");
        // One ping of SPDY, cut into two messages.
        await socket.SendAsync(new byte[] { 0x80, 3, 0, 6, 0 }, WebSocketMessageType.Binary, true, default);
        await socket.SendAsync(new byte[] { 0, 0, 4, 0, 0, 0, 5 }, WebSocketMessageType.Binary, true, default);
        var answer = new byte[64];
        var got = await socket.ReceiveAsync(answer, default).WaitAsync(Eventually.Patience);
        Assert.Equal([0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 5], answer[..got.Count]);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", default).WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task WebSocketChannelsCarryThePortsOfTheRequest()
    {
        var container = await ServingAsync(Cat);
        using var socket = await WebSocketAsync((await PortForwardAsync(container.Pod, 7000)).Url, "v4.channel.k8s.io");
        var greetings = new[] { await MessageAsync(socket), await MessageAsync(socket) };
        Assert.Equal([0, 1], greetings.Select(g => (int)g[0]));
        Assert.All(greetings, g => Assert.Equal(7000, BinaryPrimitives.ReadUInt16LittleEndian(g.AsSpan(1))));
        await socket.SendAsync((byte[])[0, .. "hello"u8], WebSocketMessageType.Binary, true, default);
        Assert.Equal("\0hello", Encoding.ASCII.GetString(await MessageAsync(socket)));
    }

    [Fact]
    public async Task WhatCanNotBeServedIsRefusedByItsCode()
    {
        var pod = await RunPodAsync();
        await RefusedAsync(StatusCode.NotFound, Runtime.PortForwardAsync(new PortForwardRequest { PodSandboxId = new string('0', 64) }));
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.PortForwardAsync(new PortForwardRequest { PodSandboxId = pod.Id, Port = { 0 } }), "port 0");
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.PortForwardAsync(new PortForwardRequest { PodSandboxId = pod.Id, Port = { 65536 } }), "65536");
        await pod.StopAsync();
        await RefusedAsync(StatusCode.FailedPrecondition, Runtime.PortForwardAsync(new PortForwardRequest { PodSandboxId = pod.Id }), "not ready");
    }

    private async Task<Container> ServingAsync(string server, [System.Runtime.CompilerServices.CallerMemberName] string test = "")
    {
        var container = await RunAsync($"{server} & sleep 1000", null, test);
        await Eventually.True(async () => (await container.ExecAsync("cat /proc/net/tcp /proc/net/tcp6 | grep -c ':1B58 .* 0A ' || true")) != "0", "the server listens");
        return container;
    }

    private async Task<PortForwardResponse> PortForwardAsync(Pod pod, params int[] ports) =>
        await Runtime.PortForwardAsync(new PortForwardRequest { PodSandboxId = pod.Id, Port = { ports } });

    private async Task<SpdyClient> ConnectAsync(Pod pod) => await SpdyClient.ConnectAsync((await PortForwardAsync(pod)).Url, "portforward.k8s.io");

    private static async Task<(SpdyClientStream Data, SpdyClientStream Error)> OpenAsync(SpdyClient client, int port, int id)
    {
        (string, string)[] headers = [("port", port.ToString(CultureInfo.InvariantCulture)), ("requestID", id.ToString(CultureInfo.InvariantCulture))];
        var error = await client.OpenAsync([("streamType", "error"), .. headers]);
        await error.CloseAsync();
        return (await client.OpenAsync([("streamType", "data"), .. headers]), error);
    }

    private static async Task<ClientWebSocket> WebSocketAsync(string url, string protocol)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(protocol);
        socket.Options.Proxy = null;
        await socket.ConnectAsync(new Uri(url.Replace("http://", "ws://", StringComparison.Ordinal)), default).WaitAsync(Eventually.Patience);
        return socket;
    }

    private static async Task<byte[]> MessageAsync(ClientWebSocket socket)
    {
        var buffer = new byte[4096];
        var got = await socket.ReceiveAsync(buffer, default).WaitAsync(Eventually.Patience);
        return buffer[..got.Count];
    }
}
