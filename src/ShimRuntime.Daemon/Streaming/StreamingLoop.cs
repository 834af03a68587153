using System.Net;
using ShimRuntime.Linux;
using ShimRuntime.Runtime;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Daemon.Streaming;

/// <summary>
/// Accepts the clients of streams and reads their requests, on one thread of its own. What is asked for with a good token goes to a new
/// session process, with the socket; no byte of a stream passes through the daemon. By system calls, not by .NET's sockets, which on
/// closing would shut down the connection that the session has taken over.
/// </summary>
internal sealed class StreamingLoop : IEpollHandler, IDisposable
{
    private const int MostPending = 256;
    private readonly EpollLoop _loop;
    private readonly IPEndPoint _address;
    private readonly TokenStore _tokens;
    private readonly IStreamService _streams;
    private readonly ILogger _log;
    private readonly LinkedList<PendingHead> _pending = []; // oldest first
    private readonly PipeEnds _stop = FileDescriptor.CreatePipe();
    private readonly Thread _thread;
    private int _listener;

    /// <param name="listener">Owned from here on.</param>
    public StreamingLoop((int Fd, IPEndPoint Address) listener, TokenStore tokens, IStreamService streams, ILogger log)
    {
        (_listener, _address) = listener;
        (_tokens, _streams, _log) = (tokens, streams, log);
        _loop = new EpollLoop(e => log.LogError("failed to serve a stream's request: {Error}", e.ToString()));
        _loop.Add(_listener, (uint)EPOLLIN, this);
        _loop.Add(_stop.Read, (uint)EPOLLIN, new Stopper(_loop));
        _thread = new Thread(_loop.Run) { IsBackground = true, Name = "streaming" };
        _thread.Start();
    }

    public int DuplicateListener() => FileDescriptor.Duplicate(_listener);

    public void OnReady(uint events)
    {
        for (var fd = UnixSocket.Accept(_listener); fd >= 0; fd = UnixSocket.Accept(_listener))
        {
            // A flood of clients that say nothing must not keep out those that do.
            if (_pending.Count >= MostPending) _pending.First!.Value.Close();
            _pending.AddLast(new PendingHead(_loop, fd, this));
        }
    }

    public void Dispose()
    {
        var write = _stop.Write;
        FileDescriptor.Close(ref write);
        _thread.Join();
        foreach (var pending in _pending.ToArray()) pending.Close();
        var read = _stop.Read;
        FileDescriptor.Close(ref read);
        FileDescriptor.Close(ref _listener);
        _loop.Dispose();
    }

    internal void Forget(PendingHead pending) => _pending.Remove(pending);

    /// <exception cref="HttpRefusal">What the client is to be told.</exception>
    internal void HandOver(RequestHead head, ReadOnlySpan<byte> rest, int socket)
    {
        var request = StreamRequest.From(head, _address, rest);
        var ticket = _tokens.Redeem(request.Kind, request.Token)
            ?? throw new HttpRefusal(404, "there is no such stream: its URL was used before, or is older than a minute");
        try
        {
            _streams.Start(ticket, request.Upgrade, socket);
        }
        catch (RuntimeFault fault)
        {
            _log.LogInformation("{Kind} of '{Owner}': {Message}", ticket.Kind, ticket.Owner, fault.Message);
            throw HttpRefusal.From(fault);
        }
        catch (IOException e)
        {
            _log.LogError("failed to start a session for '{Owner}': {Message}", ticket.Owner, e.Message);
            throw new HttpRefusal(500, $"failed to start a session: {e.Message}");
        }
    }

    private sealed class Stopper(EpollLoop loop) : IEpollHandler
    {
        public void OnReady(uint events) => loop.Stop();
    }
}
