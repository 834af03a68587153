using System.CommandLine;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli;

/// <summary>One connection to the daemon, with what the command line said about it.</summary>
internal sealed class Session : IDisposable
{
    private const string Scheme = "unix://";
    private const int MaxMessageBytes = 16 * 1024 * 1024; // kubelet's own limit
    private readonly GrpcChannel _channel;

    private Session(ParseResult parsed)
    {
        SocketPath = ToPath(parsed.GetValue(GlobalOptions.Endpoint)!);
        Json = parsed.GetValue(GlobalOptions.Output) == GlobalOptions.JsonFormat;
        CallTimeout = TimeSpan.FromSeconds(parsed.GetValue(GlobalOptions.Timeout));
        var handler = new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false };
        _channel = GrpcChannel.ForAddress("http://shimruntime", new GrpcChannelOptions
        {
            HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = MaxMessageBytes,
        });
        Runtime = new RuntimeService.RuntimeServiceClient(_channel);
        Images = new ImageService.ImageServiceClient(_channel);
        Operator = new Operator.OperatorClient(_channel);
    }

    public string SocketPath { get; }

    public bool Json { get; }

    public TimeSpan CallTimeout { get; }

    public RuntimeService.RuntimeServiceClient Runtime { get; }

    public ImageService.ImageServiceClient Images { get; }

    public Operator.OperatorClient Operator { get; }

    public static Session Open(ParseResult parsed) => new(parsed);

    /// <summary>Call options with the command line's deadline, or a longer one of the call's own.</summary>
    public CallOptions Call(CancellationToken cancellation, TimeSpan? atLeast = null)
    {
        var timeout = atLeast is { } needed && needed > CallTimeout ? needed : CallTimeout;
        return new CallOptions(deadline: DateTime.UtcNow + timeout, cancellationToken: cancellation);
    }

    public void Dispose() => _channel.Dispose();

    private static string ToPath(string endpoint)
    {
        var path = endpoint.StartsWith(Scheme, StringComparison.Ordinal) ? endpoint[Scheme.Length..] : endpoint;
        return path.StartsWith('/') ? path : throw new UsageException($"endpoint '{endpoint}' is not an absolute Unix socket path; write unix:///PATH");
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellation);
            return new NetworkStream(socket, true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new DaemonUnreachableException(SocketPath, e.SocketErrorCode);
        }
    }
}
