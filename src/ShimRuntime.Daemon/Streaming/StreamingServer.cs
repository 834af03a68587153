using System.Globalization;
using System.Net;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime;
using ShimRuntime.Runtime.Streaming;

namespace ShimRuntime.Daemon.Streaming;

/// <summary>
/// Answers Exec, Attach and PortForward with URLs, and serves those. The port that the kernel chose is kept in the state directory: a
/// restarted daemon listens there again.
/// </summary>
internal sealed class StreamingServer : IDisposable
{
    private const int Backlog = 1024;
    private const string PortFile = "streaming.port";
    private readonly IStreamService _streams;
    private readonly TokenStore _tokens = new(TimeProvider.System);
    private readonly StreamingLoop _loop;
    private readonly string _base;

    private StreamingServer(IStreamService streams, (int Fd, IPEndPoint Address) listener, ILogger log)
    {
        _streams = streams;
        _base = $"http://{listener.Address}";
        _loop = new StreamingLoop(listener, _tokens, streams, log);
        log.LogInformation("streams are served on {Base}", _base);
    }

    /// <param name="address">A loopback address; port 0: the last one, or the kernel's choice.</param>
    /// <exception cref="RuntimeFault">FailedPrecondition: the configured port is taken.</exception>
    public static StreamingServer Open(IPEndPoint address, string state, IStreamService streams, ILogger log)
    {
        var file = Path.Combine(state, PortFile);
        var fd = address.Port != 0 ? ListenFixed(address) : ListenAgain(address, file, log);
        var port = TcpSocket.PortOf(fd);
        DurableFile.WriteVolatile(file, System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{port}\n")));
        return new StreamingServer(streams, (fd, new IPEndPoint(address.Address, port)), log);
    }

    public ExecResponse Exec(ExecRequest request) => new() { Url = Url(_streams.Exec(request)) };

    public AttachResponse Attach(AttachRequest request) => new() { Url = Url(_streams.Attach(request)) };

    public PortForwardResponse PortForward(PortForwardRequest request) => new() { Url = Url(_streams.PortForward(request)) };

    public void Dispose() => _loop.Dispose();

    private string Url(StreamTicket ticket) => $"{_base}/{ticket.Kind}/{_tokens.Issue(ticket)}";

    private static int ListenFixed(IPEndPoint address)
    {
        try
        {
            return TcpSocket.Listen(address, Backlog);
        }
        catch (LinuxException e)
        {
            throw RuntimeFault.FailedPrecondition(
                $"failed to listen for streams on '{address}': {e.Message}; set stream_port to a free one, or to 0");
        }
    }

    private static int ListenAgain(IPEndPoint address, string file, ILogger log)
    {
        if (File.Exists(file) && ushort.TryParse(File.ReadAllText(file).AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var last))
        {
            try
            {
                return TcpSocket.Listen(new IPEndPoint(address.Address, last), Backlog);
            }
            catch (LinuxException e)
            {
                log.LogWarning("the last port for streams is not to be had, another is taken: {Cause}", e.Message);
            }
        }

        return ListenFixed(address);
    }
}
