using System.CommandLine;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli;

/// <summary>One connection to the daemon, with what the command line said about it.</summary>
internal sealed class Session : IDisposable
{
    private const string Scheme = "unix://";
    private const int MaxMessageBytes = 16 * 1024 * 1024; // kubelet's own limit
    private static readonly TimeSpan Longest = TimeSpan.FromDays(365);
    private readonly GrpcChannel _channel;

    private Session(ParseResult parsed)
    {
        SocketPath = ToPath(parsed.GetValue(GlobalOptions.Endpoint)!);
        Json = parsed.GetValue(GlobalOptions.Output) == GlobalOptions.JsonFormat;
        var timeout = parsed.GetValue(GlobalOptions.Timeout);
        CallTimeout = timeout > 0 ? Seconds(timeout) : throw new UsageException($"--timeout {timeout}: must be positive");
        var handler = new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false };
        _channel = GrpcChannel.ForAddress("http://shimruntime", new GrpcChannelOptions
        {
            HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = MaxMessageBytes,
        });
        Runtime = new RuntimeService.RuntimeServiceClient(_channel);
        Images = new ImageService.ImageServiceClient(_channel);
        Operator = new Operator.OperatorClient(_channel);
        HotSwap = new HotSwap.HotSwapClient(_channel);
    }

    public string SocketPath { get; }

    public bool Json { get; }

    public TimeSpan CallTimeout { get; }

    public RuntimeService.RuntimeServiceClient Runtime { get; }

    public ImageService.ImageServiceClient Images { get; }

    public Operator.OperatorClient Operator { get; }

    public HotSwap.HotSwapClient HotSwap { get; }

    public static Session Open(ParseResult parsed) => new(parsed);

    /// <summary>What a user typed as seconds, however many: more than a year is no deadline.</summary>
    public static TimeSpan Seconds(double seconds) =>
        seconds < Longest.TotalSeconds ? TimeSpan.FromSeconds(seconds) : Timeout.InfiniteTimeSpan;

    /// <summary>Call options with the command line's deadline, or a longer one of the call's own.</summary>
    public CallOptions Call(CancellationToken cancellation, TimeSpan? atLeast = null)
    {
        var endless = CallTimeout == Timeout.InfiniteTimeSpan || atLeast == Timeout.InfiniteTimeSpan;
        var timeout = atLeast > CallTimeout ? atLeast.Value : CallTimeout;
        return new CallOptions(deadline: endless ? null : DateTime.UtcNow + timeout, cancellationToken: cancellation);
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
