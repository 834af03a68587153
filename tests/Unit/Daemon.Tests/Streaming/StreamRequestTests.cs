using System.Net;
using System.Text;
using ShimRuntime.Daemon.Streaming;
using Xunit;

namespace ShimRuntime.Daemon.Tests.Streaming;

/// <summary>Heads of requests: what is served, and every way to be wrong with its status.</summary>
public sealed class StreamRequestTests
{
    private const string Spdy = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
    private const string WebSocket =
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    private static readonly IPEndPoint Listener = IPEndPoint.Parse("127.0.0.1:4321");

    [Fact]
    public void Spdy_with_its_protocols_in_one_or_several_fields()
    {
        var request = Read($"POST /exec/token?x=1 HTTP/1.1\r\nHost: 127.0.0.1:4321\r\n{Spdy}Content-Length: 0\r\nx-stream-protocol-version: a, b\r\n"
            + "X-Stream-Protocol-Version: c\r\n\r\n", "rest");
        Assert.Equal(("exec", "token", false), (request.Kind, request.Token, request.Upgrade.Websocket));
        Assert.Equal(["a", "b", "c"], request.Upgrade.StreamProtocols);
        Assert.Equal("rest", request.Upgrade.Rest.ToStringUtf8());
    }

    [Fact]
    public void WebSocket_with_the_answer_of_RFC_6455()
    {
        var request = Read($"GET /attach/t HTTP/1.1\r\nHost: localhost:4321\r\n{WebSocket}Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n");
        Assert.Equal((true, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), (request.Upgrade.Websocket, request.Upgrade.WebsocketAccept));
        Assert.Equal(["v5.channel.k8s.io"], request.Upgrade.WebsocketProtocols);
    }

    /// <summary>kubelet passes on what its client sent to another host, with X-Forwarded-For added.</summary>
    [Fact]
    public void A_forwarded_request_may_have_any_host_and_origin() => Assert.Equal("portforward",
        Read($"POST /portforward/t HTTP/1.1\r\nHost: node-7:10250\r\nOrigin: https://dashboard\r\nX-Forwarded-For: 10.0.0.1\r\n{Spdy}\r\n").Kind);

    [Theory]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\n" + Spdy)]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\nHost: localhost:4321\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\nHost: localhost:4321\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n")]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\nHost: localhost:4321\r\nUpgrade: SPDY/3.1\r\n")]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\nHost: localhost:4321\r\nContent-Length: 5\r\n" + Spdy)]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\nHost: localhost:4321\r\nTransfer-Encoding: chunked\r\n" + Spdy)]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\nHost: localhost:4321\r\n" + WebSocket)]
    [InlineData(400, "POST /exec/t HTTP/1.0\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(400, "POST  /exec/t HTTP/1.1\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(400, "POST http://x/exec/t HTTP/1.1\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\nHost : localhost:4321\r\n" + Spdy)]
    [InlineData(400, "POST /exec/t HTTP/1.1\r\n folded\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(403, "POST /exec/t HTTP/1.1\r\nHost: evil.example:4321\r\n" + Spdy)]
    [InlineData(403, "POST /exec/t HTTP/1.1\r\nHost: localhost\r\n" + Spdy)]
    [InlineData(403, "GET /exec/t HTTP/1.1\r\nHost: localhost:4321\r\nOrigin: http://evil.example\r\n" + WebSocket)]
    [InlineData(404, "POST / HTTP/1.1\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(404, "POST /exec/ HTTP/1.1\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(404, "POST /exec/t/u HTTP/1.1\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(404, "POST /checkpoint/t HTTP/1.1\r\nHost: localhost:4321\r\n" + Spdy)]
    [InlineData(405, "DELETE /exec/t HTTP/1.1\r\nHost: localhost:4321\r\n" + Spdy)]
    public void Wrong_ones_get_their_status(int status, string head) =>
        Assert.Equal(status, Assert.Throws<HttpRefusal>(() => Read(head + "\r\n")).Status);

    [Fact]
    public void Too_many_fields_are_refused()
    {
        var fields = string.Concat(Enumerable.Range(0, 200).Select(i => $"X-{i}: y\r\n"));
        Assert.Equal(431, Assert.Throws<HttpRefusal>(() => Read($"POST /exec/t HTTP/1.1\r\nHost: localhost:4321\r\n{fields}{Spdy}\r\n")).Status);
    }

    [Fact]
    public void Random_heads_are_refused_and_nothing_else_happens()
    {
        var random = new Random(5);
        var good = Encoding.ASCII.GetBytes($"POST /exec/token HTTP/1.1\r\nHost: localhost:4321\r\n{Spdy}\r\n");
        for (var round = 0; round < 5000; round++)
        {
            var bytes = good.ToArray();
            for (var i = random.Next(1, 5); i > 0; i--) bytes[random.Next(bytes.Length - 4)] = (byte)random.Next(256);
            var length = RequestHead.Length(bytes);
            if (length < 0) continue;
            var fault = Record.Exception(() => StreamRequest.From(RequestHead.Parse(bytes.AsSpan(0, length)), Listener, []));
            Assert.True(fault is null or HttpRefusal, $"round {round}: {fault}");
        }
    }

    private static StreamRequest Read(string head, string rest = "")
    {
        var bytes = Encoding.ASCII.GetBytes(head);
        Assert.Equal(bytes.Length, RequestHead.Length(bytes));
        return StreamRequest.From(RequestHead.Parse(bytes), Listener, Encoding.ASCII.GetBytes(rest));
    }
}
