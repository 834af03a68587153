using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Session.Wire;

/// <summary>
/// The client's TCP socket. Never blocks: what it does not take is kept, and producers are told to pause. Ends by itself when the
/// client leaves, breaks the protocol, or is idle for longer than kubelet's own limit; after <see cref="CloseWhenFlushed"/> it lingers
/// for what the client still sends, because closing over unread bytes would reset the connection and lose our last ones.
/// </summary>
internal sealed unsafe class ClientSocket : IEpollHandler, ITransport, IDisposable
{
    private const uint EPOLLRDHUP = 0x2000;
    private const int DefaultCongestionBytes = 256 * 1024;
    private static readonly TimeSpan IdleLimit = TimeSpan.FromHours(4); // kubelet's streamingConnectionIdleTimeout
    private static readonly TimeSpan LingerLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FlushLimit = TimeSpan.FromMinutes(5);
    private readonly EpollLoop _loop;
    private readonly ReadBuffer _buffer;
    private readonly ByteQueue _outbound = new();
    private readonly LoopTimer _idle;
    private readonly LoopTimer _farewell;
    private long _lastActivity = Environment.TickCount64;
    private int _fd;
    private uint _events = (uint)EPOLLIN | EPOLLRDHUP;
    private bool _closing;
    private bool _lingering;
    private bool _congested;

    public ClientSocket(EpollLoop loop, int fd, ReadBuffer buffer)
    {
        (_loop, _fd, _buffer) = (loop, fd, buffer);
        FileDescriptor.SetNonBlocking(fd);
        TcpSocket.MakeInteractive(fd);
        _idle = loop.CreateTimer(CheckIdle);
        _farewell = loop.CreateTimer(End);
        Inbound.OnRoom = () => Want((uint)EPOLLIN, true);
        _idle.Set(IdleLimit);
        loop.Add(fd, _events, this);
    }

    public bool HasEnded => _fd < 0;

    public Backlog Inbound { get; } = new();

    public IReceiver? Receiver { get; set; }

    /// <summary>Told once when the connection has ended, whoever ended it; the sentence is empty unless the client did something wrong.</summary>
    public Action<string>? OnEnded { get; set; }

    /// <summary>Called when <see cref="IsCongested"/> has become false again.</summary>
    public Action? OnDrained { get; set; }

    /// <summary>How many bytes may wait for the client before producers have to pause.</summary>
    public int CongestionBytes { get; set; } = DefaultCongestionBytes;

    public bool IsCongested => _outbound.Count > CongestionBytes;

    public void Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        if (_fd < 0 || _closing) return;
        _outbound.Append(head);
        _outbound.Append(body);
        Flush();
    }

    public void CloseWhenFlushed()
    {
        if (_fd < 0 || _closing) return;
        _closing = true;
        _farewell.Set(FlushLimit);
        Flush();
    }

    /// <summary>Bytes that were read with the request.</summary>
    public void Feed(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty) Deliver(bytes);
    }

    public void OnReady(uint events)
    {
        if ((events & (uint)EPOLLOUT) != 0) Flush();
        if (_fd < 0) return;
        if ((events & (uint)EPOLLIN) != 0 && (_events & (uint)EPOLLIN) != 0) Receive();
        else if ((events & (EPOLLRDHUP | (uint)EPOLLHUP | (uint)EPOLLERR)) != 0) End("");
    }

    public void Dispose()
    {
        if (_fd < 0) return;
        _loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        _idle.Clear();
        _farewell.Clear();
        _outbound.Dispose();
    }

    private void Receive()
    {
        var count = FileDescriptor.TryReceive(_fd, _buffer.Start, ReadBuffer.ReadBytes);
        if (count < 0) return;
        if (count == 0)
        {
            End("");
            return;
        }

        if (!_lingering) Deliver(new ReadOnlySpan<byte>(_buffer.Start, count));
    }

    private void Deliver(ReadOnlySpan<byte> bytes)
    {
        _lastActivity = Environment.TickCount64;
        try
        {
            Receiver?.Receive(bytes);
        }
        catch (WireException e)
        {
            End($"the client broke the protocol: {e.Message}");
            return;
        }

        if (Inbound.IsFull && !_lingering) Want((uint)EPOLLIN, false);
    }

    private void Flush()
    {
        while (_fd >= 0 && _outbound.Count > 0)
        {
            var count = FileDescriptor.TrySend(_fd, _outbound.Front, _outbound.Count);
            if (count == -1) break;
            if (count < 0)
            {
                End("");
                return;
            }

            _lastActivity = Environment.TickCount64;
            _outbound.Consume(count);
        }

        Want((uint)EPOLLOUT, _outbound.Count > 0);
        TellCongestion();
        if (_closing && !_lingering && _outbound.Count == 0) Linger();
    }

    private void TellCongestion()
    {
        if (IsCongested) _congested = true;
        else if (_congested && _outbound.Count < CongestionBytes / 2)
        {
            _congested = false;
            // Not from within a producer's own write.
            _loop.Post(() => OnDrained?.Invoke());
        }
    }

    private void Linger()
    {
        _lingering = true;
        TcpSocket.EndSending(_fd);
        Want((uint)EPOLLIN, true);
        _farewell.Set(LingerLimit);
    }

    private void Want(uint what, bool wanted)
    {
        if (_fd < 0) return;
        var events = wanted ? _events | what : _events & ~what;
        if (events == _events) return;
        _events = events;
        _loop.Modify(_fd, events);
    }

    private void CheckIdle()
    {
        var quiet = TimeSpan.FromMilliseconds(Environment.TickCount64 - _lastActivity);
        if (quiet >= IdleLimit) End($"the client was idle for {IdleLimit.TotalHours:0} hours");
        else _idle.Set(IdleLimit - quiet);
    }

    private void End() => End("");

    private void End(string why)
    {
        if (_fd < 0) return;
        var tell = _closing ? "" : why;
        Dispose();
        OnEnded?.Invoke(tell);
    }
}
