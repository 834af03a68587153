using System.Text;
using System.Text.Json;
using ShimRuntime.Shim.Session.Remote;
using ShimRuntime.Shim.Session.WebSocket;
using Xunit;

namespace ShimRuntime.Shim.Tests.Session;

/// <summary>Versions, statuses, terminal sizes.</summary>
public sealed class RemoteTests
{
    private static readonly ProtocolVersion V4 = new("v4.channel.k8s.io", 4);

    [Theory]
    [InlineData("v5.channel.k8s.io,v4.channel.k8s.io,channel.k8s.io", "v5.channel.k8s.io", 5)]
    [InlineData("channel.k8s.io,v3.channel.k8s.io,v2.channel.k8s.io", "v3.channel.k8s.io", 3)]
    [InlineData("v9.channel.k8s.io,channel.k8s.io", "channel.k8s.io", 1)]
    [InlineData("", "", 1)]
    public void TheBestThatBothSpeakIsChosen(string offered, string name, int number)
    {
        var version = ProtocolVersion.Choose(ProtocolVersion.Spdy, offered.Split(',', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((name, number), (version!.Value.Name, version.Value.Number));
    }

    [Fact]
    public void NothingInCommonIsNothing()
    {
        Assert.Null(ProtocolVersion.Choose(ProtocolVersion.Spdy, ["v9.channel.k8s.io"]));
        Assert.Null(ProtocolVersion.Choose(ProtocolVersion.WebSocket, ["v3.channel.k8s.io"]));
        Assert.True(ProtocolVersion.Choose(ProtocolVersion.WebSocket, ["base64.channel.k8s.io"])!.Value is { IsBase64: true, HasJsonStatus: false, HasResize: true });
    }

    [Fact]
    public void AnExitCodeIsWhereClientsLookForIt()
    {
        using var status = JsonDocument.Parse(StatusText.Exited(V4, 42));
        var root = status.RootElement;
        Assert.Equal(("Failure", "NonZeroExitCode"), (root.GetProperty("status").GetString(), root.GetProperty("reason").GetString()));
        var cause = root.GetProperty("details").GetProperty("causes")[0];
        Assert.Equal(("ExitCode", "42"), (cause.GetProperty("reason").GetString(), cause.GetProperty("message").GetString()));
        Assert.Equal("""{"metadata":{},"status":"Success"}""", Encoding.UTF8.GetString(StatusText.Exited(V4, 0)));
        Assert.Empty(StatusText.Exited(new ProtocolVersion("", 1), 0));
        Assert.Contains("exit status 42", Encoding.UTF8.GetString(StatusText.Exited(new ProtocolVersion("", 1), 42)), StringComparison.Ordinal);
    }

    [Fact]
    public void AFailureIsAnInternalErrorWithItsSentence()
    {
        using var status = JsonDocument.Parse(StatusText.Failed(V4, "no \"shell\"\n"));
        Assert.Equal(500, status.RootElement.GetProperty("code").GetInt32());
        Assert.Equal("Internal error occurred: no \"shell\"\n", status.RootElement.GetProperty("message").GetString());
    }

    [Theory]
    [InlineData("""{"Width":80,"Height":24}""", 80, 24)]
    [InlineData("{\"Height\":24,\n \"Width\":80}\n", 80, 24)]
    [InlineData("""garbage}{"Width":1,"Height":2}{"Width":3,"Height":4}""", 3, 4)]
    [InlineData("""{"Width":70000,"Height":24}""", 0, 0)]
    [InlineData("""{"Width":-1,"Height":24}{"Width":"80","Height":24}{}{"Width":80""", 0, 0)]
    public void SizesComeWhateverTheReads(string text, int columns, int rows)
    {
        foreach (var cut in new[] { 1, 3, 1000 })
        {
            var size = (0, 0);
            var channels = new WebSocketChannels(new WebSocketConnection(new CollectingTransport()), default, 1);
            var sink = new ResizeSink(channels[0], (c, r) => size = (c, r));
            foreach (var part in Encoding.ASCII.GetBytes(text).Chunk(cut)) sink.Accept(part);
            Assert.Equal((columns, rows), size);
        }
    }

    [Fact]
    public void AnEndlessObjectIsNotKept()
    {
        var size = (0, 0);
        var channels = new WebSocketChannels(new WebSocketConnection(new CollectingTransport()), default, 1);
        var sink = new ResizeSink(channels[0], (c, r) => size = (c, r));
        sink.Accept(Encoding.ASCII.GetBytes("{" + new string(' ', 100_000)));
        sink.Accept("""{"Width":5,"Height":6}"""u8);
        Assert.Equal((5, 6), size);
    }
}
