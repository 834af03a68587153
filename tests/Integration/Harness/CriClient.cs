using System.Net.Sockets;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>CRI over the daemon's Unix socket, as kubelet speaks it: one HTTP/2 connection, 16 MiB a message, a deadline on every call.</summary>
public sealed class CriClient : IDisposable
{
    private readonly GrpcChannel _channel;

    public CriClient(string socketPath)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                    return new NetworkStream(socket, true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = 64 << 20,
        });
        Calls = _channel.Intercept(new DefaultDeadline());
        Runtime = new RuntimeService.RuntimeServiceClient(Calls);
        Images = new ImageService.ImageServiceClient(Calls);
        Operator = new Operator.OperatorClient(Calls);
        HotSwap = new HotSwap.HotSwapClient(Calls);
    }

    /// <summary>For bytes that no stub would send.</summary>
    public CallInvoker Calls { get; }

    public RuntimeService.RuntimeServiceClient Runtime { get; }

    public ImageService.ImageServiceClient Images { get; }

    public Operator.OperatorClient Operator { get; }

    public HotSwap.HotSwapClient HotSwap { get; }

    public void Dispose() => _channel.Dispose();

    /// <summary>No call may hang a test run: two minutes, kubelet's own default, unless the test says otherwise.</summary>
    private sealed class DefaultDeadline : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            if (context.Options.Deadline is not null) return continuation(request, context);
            var options = context.Options.WithDeadline(DateTime.UtcNow.AddMinutes(2));
            return continuation(request, new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, options));
        }
    }
}
