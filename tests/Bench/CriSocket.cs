using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;

namespace ShimRuntime.Bench;

/// <summary>gRPC over a Unix socket, as kubelet speaks it, to whichever runtime listens there.</summary>
internal static class CriSocket
{
    private const int MostMessageBytes = 16 << 20; // kubelet's limit
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    public static GrpcChannel Connect(string path)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = false,
            ConnectCallback = async (_, token) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), token);
                return new NetworkStream(socket, true);
            },
        };
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, MaxReceiveMessageSize = MostMessageBytes });
    }

    /// <summary>A daemon that starts refuses connections, then calls: asks until it answers.</summary>
    /// <exception cref="OperationCanceledException">It did not within 60 s.</exception>
    public static async Task UntilAsync(Func<CancellationToken, Task> call, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(StartDeadline);
        while (true)
        {
            try
            {
                await call(deadline.Token);
                return;
            }
            catch (RpcException) when (!deadline.IsCancellationRequested)
            {
                await Task.Delay(Pause, deadline.Token);
            }
        }
    }
}
