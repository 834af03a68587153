using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Grpc.Core;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Streams;

/// <summary>Listens on loopback and opens one stream to the pod for each connection; each ends alone.</summary>
internal sealed class PortForwarder(Session session, string podId, ForwardedPort port)
{
    private const byte DataChannel = 0;
    private const int ErrorChannel = 1;
    private const int PortBytes = 2; // each channel begins with its port

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port.Local);
        try
        {
            listener.Start();
        }
        catch (SocketException e)
        {
            throw new IOException($"failed to listen on port {port.Local}: {e.Message}; give another LOCAL:{port.Remote}", e);
        }

        Console.WriteLine($"forwarding {listener.LocalEndpoint} to port {port.Remote}");
        while (true)
        {
            var client = await listener.AcceptTcpClientAsync(cancellation);
            _ = Task.Run(() => ServeAsync(client, cancellation), cancellation);
        }
    }

    private async Task ServeAsync(TcpClient client, CancellationToken cancellation)
    {
        using var owned = client;
        try
        {
            var request = new PortForwardRequest { PodSandboxId = podId, Port = { port.Remote } };
            var answer = await session.Runtime.PortForwardAsync(request, session.Call(cancellation));
            using var channels = await ChannelSocket.ConnectAsync(answer.Url, cancellation);
            var upstream = SendAsync(client, channels, cancellation);
            await ReceiveAsync(client, channels, cancellation);
            client.Close();
            await upstream;
        }
        catch (Exception e) when (e is IOException or SocketException or WebSocketException or RpcException or OperationCanceledException or ObjectDisposedException)
        {
            if (!cancellation.IsCancellationRequested) await Console.Error.WriteLineAsync($"shimctl: connection to port {port.Remote}: {CommandAction.Explain(e)}");
        }
    }

    private static async Task SendAsync(TcpClient client, ChannelSocket channels, CancellationToken cancellation)
    {
        var buffer = new byte[32 * 1024];
        try
        {
            int count;
            while ((count = await client.GetStream().ReadAsync(buffer, cancellation)) > 0) await channels.SendAsync(DataChannel, buffer.AsMemory(0, count), cancellation);
            await channels.EndAsync(DataChannel, cancellation);
        }
        catch (Exception e) when (e is IOException or WebSocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Whoever ended it first, the receiving side says so.
        }
    }

    private static async Task ReceiveAsync(TcpClient client, ChannelSocket channels, CancellationToken cancellation)
    {
        var skip = new[] { PortBytes, PortBytes };
        var error = new StringBuilder();
        while (true)
        {
            var (channel, bytes) = await channels.ReceiveAsync(cancellation);
            if (channel < 0) break;
            if (channel == ChannelSocket.EndSignal && bytes.Span[0] == DataChannel) client.Client.Shutdown(SocketShutdown.Send);
            if (channel > ErrorChannel) continue;
            var head = Math.Min(skip[channel], bytes.Length);
            skip[channel] -= head;
            if (channel == ErrorChannel) error.Append(Encoding.UTF8.GetString(bytes.Span[head..]));
            else await client.GetStream().WriteAsync(bytes[head..], cancellation);
        }

        if (error.Length > 0) throw new IOException(error.ToString());
    }
}
