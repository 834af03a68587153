using System.Globalization;
using System.Net;
using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Daemon.Upgrades;
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
    private readonly ILogger _log;
    private readonly TokenStore _tokens = new(TimeProvider.System);
    private readonly StreamingLoop _loop;
    private readonly string _base;

    private StreamingServer(IStreamService streams, (int Fd, IPEndPoint Address) listener, ILogger log)
    {
        (_streams, _log) = (streams, log);
        _base = $"http://{listener.Address}";
        _loop = new StreamingLoop(listener, _tokens, streams, log);
        log.LogInformation("streams are served on {Base}", _base);
    }

    /// <param name="at">A loopback address; port 0: the last one, or the kernel's choice. And a listener of an earlier daemon, owned from here on; -1: none.</param>
    /// <exception cref="RuntimeFault">FailedPrecondition: the configured port is taken.</exception>
    public static StreamingServer Open((IPEndPoint Address, int Inherited) at, string state, IStreamService streams, ILogger log)
    {
        var (address, file) = (at.Address, Path.Combine(state, PortFile));
        var fd = at.Inherited >= 0 && Serves(at.Inherited, address) ? at.Inherited
            : address.Port != 0 ? ListenFixed(address) : ListenAgain(address, file, log);
        var port = TcpSocket.PortOf(fd);
        DurableFile.WriteVolatile(file, System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{port}\n")));
        return new StreamingServer(streams, (fd, new IPEndPoint(address.Address, port)), log);
    }

    /// <summary>Another descriptor of the listener, for a daemon after this one.</summary>
    public int DuplicateListener() => _loop.DuplicateListener();

    public ExecResponse Exec(ExecRequest request) => new() { Url = Url(_streams.Exec(request), request) };

    public AttachResponse Attach(AttachRequest request) => new() { Url = Url(_streams.Attach(request), request) };

    public PortForwardResponse PortForward(PortForwardRequest request) => new() { Url = Url(_streams.PortForward(request), request) };

    /// <summary>URLs that were given and not used.</summary>
    public IReadOnlyList<UnredeemedStream> Unredeemed() => _tokens.Unredeemed();

    /// <summary>Makes an earlier daemon's URLs good here too. One whose container is gone is gone with it.</summary>
    public void Restore(IEnumerable<UnredeemedStream> streams)
    {
        foreach (var stream in streams)
        {
            try
            {
                var (ticket, request) = Ticket(stream);
                _tokens.Restore(stream, ticket, request);
            }
            catch (Exception e) when (e is RuntimeFault or InvalidProtocolBufferException)
            {
                _log.LogInformation("a stream's URL of the daemon before is not taken over: {Cause}", e.Message);
            }
        }
    }

    public void Dispose() => _loop.Dispose();

    private (StreamTicket Ticket, IMessage Request) Ticket(UnredeemedStream stream)
    {
        switch (stream.Kind)
        {
            case StreamTicket.Exec:
                var exec = ExecRequest.Parser.ParseFrom(stream.Request);
                return (_streams.Exec(exec), exec);
            case StreamTicket.Attach:
                var attach = AttachRequest.Parser.ParseFrom(stream.Request);
                return (_streams.Attach(attach), attach);
            default:
                var forward = PortForwardRequest.Parser.ParseFrom(stream.Request);
                return (_streams.PortForward(forward), forward);
        }
    }

    private string Url(StreamTicket ticket, IMessage request) => $"{_base}/{ticket.Kind}/{_tokens.Issue(ticket, request)}";

    private static bool Serves(int fd, IPEndPoint address) => address.Port == 0 || TcpSocket.PortOf(fd) == address.Port;

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
