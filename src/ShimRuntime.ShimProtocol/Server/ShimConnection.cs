using System.Runtime.ExceptionServices;
using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;
using static Tmds.Linux.LibC;

namespace ShimRuntime.ShimProtocol;

/// <summary>
/// The shim's end of one connection, on the loop's thread. Never blocks: what the socket does not take is kept, and a caller that lets
/// too much pile up is cut off. Its end abandons every call under way.
/// </summary>
public sealed unsafe partial class ShimConnection : IEpollHandler
{
    private const int CongestedBytes = 256 * 1024;
    private const int CutOffBytes = 16 * 1024 * 1024;
    private const int MaxCalls = 1024;
    private readonly EpollLoop _loop;
    private readonly IShimService _service;
    private readonly Action<ShimConnection> _onClosed;
    private readonly FrameDecoder _decoder = new();
    private readonly OutboundBuffer _outbound = new();
    private readonly Dictionary<uint, ShimCall> _calls = [];
    private readonly List<int> _descriptors = []; // that came along, for a call that takes them
    private int _fd;
    private bool _awaitsWrite;
    private uint _lastStream;

    internal ShimConnection(EpollLoop loop, int fd, IShimService service, Action<ShimConnection> onClosed)
    {
        (_loop, _fd, _service, _onClosed) = (loop, fd, service, onClosed);
        _loop.Add(fd, (uint)EPOLLIN, this);
    }

    internal bool IsCongested => _outbound.Pending > CongestedBytes;

    /// <summary>True when everything that was answered has left for the socket.</summary>
    internal bool IsFlushed => _fd < 0 || _outbound.Pending == 0;

    public void OnReady(uint events)
    {
        try
        {
            if ((events & (uint)EPOLLOUT) != 0) Flush();
            if ((events & ~(uint)EPOLLOUT) != 0) Receive();
        }
        catch (Exception e) when (e is FrameException or InvalidProtocolBufferException)
        {
            Close();
        }
        catch
        {
            // The loop stops watching what threw; open and unwatched, this would keep its caller waiting for ever.
            Close();
            throw;
        }
    }

    public void Close()
    {
        if (_fd < 0) return;
        _loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        CloseDescriptors();
        foreach (var call in _calls.Values.ToArray()) call.Abandon();
        _calls.Clear();
        _onClosed(this);
    }

    internal void Send(uint streamId, FrameType type, FrameFlags flags, IMessage? message)
    {
        if (_fd < 0) return;
        FrameEncoder.Write(_outbound, streamId, type, flags, message);
        Flush();
    }

    internal void SendOutput(uint streamId, bool stderr, ReadOnlySpan<byte> bytes)
    {
        if (_fd < 0) return;
        ExecOutputEncoder.Write(_outbound, streamId, stderr, bytes);
        Flush();
    }

    /// <summary>Descriptors go with the bytes of their own frame, so nothing may wait before it.</summary>
    internal bool TrySend(uint streamId, IMessage message, IReadOnlyList<int> descriptors)
    {
        if (_fd < 0 || _outbound.Pending > 0) return false;
        var frame = new OutboundBuffer();
        FrameEncoder.Write(frame, streamId, FrameType.Data, FrameFlags.None, message);
        return UnixSocket.TrySend(_fd, frame.Unsent, [.. descriptors]);
    }

    /// <summary>One that has come along with a call; -1: none has.</summary>
    internal int TakeDescriptor()
    {
        if (_descriptors.Count == 0) return -1;
        var fd = _descriptors[0];
        _descriptors.RemoveAt(0);
        return fd;
    }

    internal void Answer(uint streamId, Response response)
    {
        _calls.Remove(streamId);
        Send(streamId, FrameType.Response, FrameFlags.RemoteClosed, response);
    }

    private void Receive()
    {
        while (_fd >= 0)
        {
            var count = UnixSocket.Receive(_fd, _decoder.GetMemory().Span, _descriptors);
            if (count < 0) return;
            if (count == 0)
            {
                Close();
                return;
            }

            _decoder.Advance(count);
            while (_fd >= 0 && _decoder.TryRead(out var frame)) Take(frame);
            if (_decoder.Pending == 0) CloseDescriptors();
        }
    }

    private void CloseDescriptors()
    {
        foreach (var descriptor in _descriptors)
        {
            var fd = descriptor;
            FileDescriptor.Close(ref fd);
        }

        _descriptors.Clear();
    }

    private void Take(Frame frame)
    {
        var id = frame.Header.StreamId;
        if (frame.Header.Type == FrameType.Data)
        {
            // The only thing that a caller may say after its request: that it has gone.
            if (frame.Header.Flags.HasFlag(FrameFlags.RemoteClosed) && _calls.Remove(id, out var gone)) gone.Abandon();
            return;
        }

        if (frame.Header.Type != FrameType.Request || (id & 1) == 0 || id <= _lastStream)
            throw new FrameException($"{frame.Header.Type} frame on stream {id} after stream {_lastStream}");
        _lastStream = id;
        var request = Request.Parser.ParseFrom(frame.Payload.Span);
        var call = new ShimCall(this, id, request.Method, request.Payload);
        _calls.Add(id, call);
        Serve(call);
    }

    private void Serve(ShimCall call)
    {
        try
        {
            Failpoint.Hit($"ShimProtocol.ShimConnection.Serve:{call.Method}.before");
            if (_calls.Count > MaxCalls) call.Fail(FaultCode.ResourceExhausted, $"more than {MaxCalls} calls on one connection");
            else _service.Handle(call);
        }
        catch (RuntimeFault fault)
        {
            call.Fail(fault.Code, fault.Message);
        }
        catch (InvalidProtocolBufferException e)
        {
            call.Fail(FaultCode.InvalidArgument, $"failed to {call.Method}: {e.Message}");
        }
        catch (Exception e)
        {
            // Of one call: the others on this connection, a stop under way perhaps, are not to pay for it.
            call.Fail(FaultCode.Internal, $"failed to {call.Method}: {e.Message}");
            // A bug, then: the loop is to tell of it.
            if (e is not IOException) _loop.Post(() => ExceptionDispatchInfo.Throw(e));
        }
    }

    private void Flush()
    {
        while (_outbound.Pending > 0)
        {
            fixed (byte* start = _outbound.Unsent)
            {
                var count = (int)send(_fd, start, _outbound.Pending, MSG_NOSIGNAL);
                if (count < 0 && errno == Errno.EINTR) continue;
                if (count < 0)
                {
                    if (errno != Errno.EAGAIN || _outbound.Pending > CutOffBytes) Close();
                    else AwaitWrite(true);
                    return;
                }

                _outbound.Consume(count);
            }
        }

        AwaitWrite(false);
    }

    private void AwaitWrite(bool wanted)
    {
        if (wanted == _awaitsWrite) return;
        _awaitsWrite = wanted;
        _loop.Modify(_fd, wanted ? (uint)(EPOLLIN | EPOLLOUT) : (uint)EPOLLIN);
        if (wanted) return;
        foreach (var call in _calls.Values.ToArray()) call.OnDrained?.Invoke();
    }
}
