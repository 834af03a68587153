using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The door of the streams: URLs, hostile requests, WebSocket, what a restart keeps.</summary>
public sealed class StreamingRequestTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Upgrade = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n";

    [Fact]
    public async Task AUrlIsGoodForOneClient()
    {
        var url = await UrlAsync();
        Assert.Matches("^http://127\\.0\\.0\\.1:[0-9]+/exec/[A-Za-z0-9_-]{22}$", url);
        Assert.StartsWith("HTTP/1.1 101 ", await AskAsync(url, $"POST {{0}} HTTP/1.1\r\nHost: {{1}}\r\n{Upgrade}\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404 ", await AskAsync(url, $"POST {{0}} HTTP/1.1\r\nHost: {{1}}\r\n{Upgrade}\r\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("403", "POST {0} HTTP/1.1\r\nHost: evil.example\r\n" + Upgrade)]
    [InlineData("403", "POST {0} HTTP/1.1\r\nHost: {1}\r\nOrigin: http://{1}\r\n" + Upgrade)]
    [InlineData("405", "PUT {0} HTTP/1.1\r\nHost: {1}\r\n" + Upgrade)]
    [InlineData("404", "POST {0}x HTTP/1.1\r\nHost: {1}\r\n" + Upgrade)]
    [InlineData("400", "POST {0} HTTP/1.1\r\nHost: {1}\r\n")]
    [InlineData("400", "\u0016\u0003\u0001 not http\r\n")]
    public async Task AWrongRequestIsRefusedAndCostsNoToken(string status, string head)
    {
        var url = await UrlAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", await AskAsync(url, head + "\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 101 ", await AskAsync(url, $"POST {{0}} HTTP/1.1\r\nHost: {{1}}\r\n{Upgrade}\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AHeadOfSeventeenKibibytesIsRefused()
    {
        var padding = new string('x', 17 * 1024);
        Assert.StartsWith("HTTP/1.1 431 ", await AskAsync(await UrlAsync(), $"POST {{0}} HTTP/1.1\r\nHost: {{1}}\r\nX-Padding: {padding}\r\n{Upgrade}\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClientsThatSayNothingOrLittleKeepNobodyOutAndAreSentAway()
    {
        var url = await UrlAsync();
        var idle = new List<Socket>();
        for (var i = 0; i < 300; i++) idle.Add(await HttpUpgrade.ConnectAsync(new Uri(url)));
        await idle[^1].SendAsync("POST /exec/"u8.ToArray());
        Assert.StartsWith("HTTP/1.1 101 ", await AskAsync(url, $"POST {{0}} HTTP/1.1\r\nHost: {{1}}\r\n{Upgrade}\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 408 ", await HttpUpgrade.ReadHeadAsync(idle[^1]), StringComparison.Ordinal);
        idle.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task AProtocolThatWeDoNotSpeakIsRefusedWithOurs()
    {
        var answer = await AskAsync(await UrlAsync(), "POST {0} HTTP/1.1\r\nHost: {1}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v99.channel.k8s.io\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 403 ", answer, StringComparison.Ordinal);
        Assert.Contains("X-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GarbageAfterTheHandshakeEndsTheSessionAndNothingElse()
    {
        var container = await RunAsync("sleep 1000");
        var answer = await Runtime.ExecAsync(new ExecRequest { ContainerId = container.Id, Cmd = { "true" }, Stdout = true });
        await using var client = await SpdyClient.ConnectAsync(answer.Url, "v4.channel.k8s.io");
        await client.SendRawAsync(Enumerable.Repeat((byte)0xff, 100).ToArray());
        await client.Ended.WaitAsync(Eventually.Patience);
        Assert.Equal(0, (await container.ExecSyncAsync(10, "true")).ExitCode);
    }

    [Theory]
    [InlineData("v5.channel.k8s.io", true)]
    [InlineData("v4.channel.k8s.io", false)]
    public async Task ExecOverAWebSocket(string protocol, bool endsStdin)
    {
        var container = await RunAsync("sleep 1000");
        string[] command = endsStdin ? ["sh", "-c", "cat; echo err >&2; exit 9"] : ["sh", "-c", "head -n 1; echo err >&2; exit 9"];
        var answer = await Runtime.ExecAsync(new ExecRequest { ContainerId = container.Id, Cmd = { command }, Stdin = true, Stdout = true, Stderr = true });
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(protocol);
        await socket.ConnectAsync(new Uri(answer.Url.Replace("http://", "ws://", StringComparison.Ordinal)), default).WaitAsync(Eventually.Patience);
        Assert.Equal(protocol, socket.SubProtocol);
        await socket.SendAsync((byte[])[0, .. "hello\n"u8], WebSocketMessageType.Binary, true, default);
        if (endsStdin) await socket.SendAsync((byte[])[255, 0], WebSocketMessageType.Binary, true, default);
        var channels = await ReadAllAsync(socket);
        Assert.Equal(("hello\n", "err\n"), (channels[1], channels[2]));
        using var status = JsonDocument.Parse(channels[3]);
        Assert.Equal("9", status.RootElement.GetProperty("details").GetProperty("causes")[0].GetProperty("message").GetString());
    }

    [Fact]
    public async Task ThePortIsKeptOverRestarts()
    {
        var before = new Uri(await UrlAsync()).Port;
        await Daemon.RestartAsync();
        Assert.Equal(before, new Uri(await UrlAsync()).Port);
    }

    [Fact]
    public async Task SessionsOfOneContainerAreBounded()
    {
        var container = await RunAsync("sleep 1000");
        var clients = new List<SpdyClient>();
        for (var i = 0; i < 64; i++)
        {
            clients.Add(await SpdyClient.ConnectAsync((await Runtime.AttachAsync(new AttachRequest { ContainerId = container.Id, Stdout = true })).Url, "v4.channel.k8s.io"));
        }

        Assert.Equal(64, (await container.InfoAsync()).GetProperty("sessions").GetInt32());
        var url = (await Runtime.AttachAsync(new AttachRequest { ContainerId = container.Id, Stdout = true })).Url;
        Assert.StartsWith("HTTP/1.1 429 ", await AskAsync(url, $"POST {{0}} HTTP/1.1\r\nHost: {{1}}\r\n{Upgrade}\r\n"), StringComparison.Ordinal);
        foreach (var client in clients) await client.DisposeAsync();
    }

    private async Task<string> UrlAsync([System.Runtime.CompilerServices.CallerMemberName] string test = "")
    {
        var container = await RunAsync("sleep 1000", null, test);
        return (await Runtime.ExecAsync(new ExecRequest { ContainerId = container.Id, Cmd = { "true" }, Stdout = true })).Url;
    }

    private static async Task<string> AskAsync(string url, string format)
    {
        var (socket, head) = await HttpUpgrade.SendAsync(url, format);
        socket.Dispose();
        return head;
    }

    /// <summary>Everything on each channel until the server closes.</summary>
    private static async Task<Dictionary<int, string>> ReadAllAsync(ClientWebSocket socket)
    {
        var channels = new Dictionary<int, string>();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var got = await socket.ReceiveAsync(buffer, default).WaitAsync(Eventually.Patience);
            if (got.MessageType == WebSocketMessageType.Close) return channels;
            channels[buffer[0]] = channels.GetValueOrDefault(buffer[0], "") + Encoding.UTF8.GetString(buffer, 1, got.Count - 1);
        }
    }
}
