using System.Net.WebSockets;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Peer;

/// <summary>A client of Attach that reads a container's stdout as fast as it comes, over WebSocket.</summary>
internal sealed class Attacher : IAsyncDisposable
{
    private static readonly string[] Protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
    private readonly ClientWebSocket _socket = new();
    private Task _reading = Task.CompletedTask;

    /// <summary>Of all channels.</summary>
    public long Bytes { get; private set; }

    public static async Task<Attacher> AttachAsync(RuntimeService.RuntimeServiceClient runtime, string container, CancellationToken cancellation)
    {
        var answer = await runtime.AttachAsync(new AttachRequest { ContainerId = container, Stdout = true, Stderr = true }, cancellationToken: cancellation);
        var attacher = new Attacher();
        foreach (var protocol in Protocols) attacher._socket.Options.AddSubProtocol(protocol);
        await attacher._socket.ConnectAsync(new UriBuilder(answer.Url) { Scheme = "ws" }.Uri, cancellation);
        attacher._reading = attacher.ReadAsync(cancellation);
        return attacher;
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _reading;
        _socket.Dispose();
    }

    private async Task ReadAsync(CancellationToken cancellation)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (await _socket.ReceiveAsync(buffer.AsMemory(), cancellation) is { MessageType: not WebSocketMessageType.Close } part) Bytes += part.Count;
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // The container ended, or nobody listens any more.
        }
    }
}
