using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Session.Attach;

/// <summary>A session's connection to the container's shim: one Attach, and a CloseStdin beside it. On the session's own loop.</summary>
internal sealed class ShimLink : IEpollHandler, IDisposable
{
    private const uint AttachStream = 1;
    private const uint CloseStdinStream = 3;
    private readonly EpollLoop _loop;
    private readonly FrameDecoder _decoder = new();
    private readonly List<int> _descriptors = [];
    private int _fd;

    /// <exception cref="LinuxException">The shim does not listen.</exception>
    public ShimLink(EpollLoop loop, string socketPath)
    {
        _loop = loop;
        _fd = UnixSocket.Connect(socketPath);
        loop.Add(_fd, (uint)EPOLLIN, this);
    }

    /// <summary>The descriptors are the receiver's to own.</summary>
    public required Action<AttachStarted, IReadOnlyList<int>> OnStarted { get; init; }

    /// <summary>The end: the result, or why there is none.</summary>
    public required Action<AttachResult?, string> OnEnded { get; init; }

    public void Attach(AttachRequest request) => Send(AttachStream, ShimMethods.Attach, FrameFlags.RemoteOpen, request);

    public void CloseStdin() => Send(CloseStdinStream, ShimMethods.CloseStdin, FrameFlags.RemoteClosed, new CloseStdinRequest());

    public void OnReady(uint events)
    {
        try
        {
            Receive();
        }
        catch (Exception e) when (e is FrameException or InvalidProtocolBufferException)
        {
            End(null, $"the shim's answer makes no sense: {e.Message}");
        }
    }

    public void Dispose()
    {
        if (_fd < 0) return;
        _loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        foreach (var descriptor in _descriptors)
        {
            var fd = descriptor;
            FileDescriptor.Close(ref fd);
        }
    }

    private void Receive()
    {
        var memory = _decoder.GetMemory();
        var count = UnixSocket.Receive(_fd, memory.Span, _descriptors);
        if (count < 0) return;
        if (count == 0)
        {
            End(null, "the shim has ended");
            return;
        }

        _decoder.Advance(count);
        while (_fd >= 0 && _decoder.TryRead(out var frame))
        {
            if (frame.Header.StreamId != AttachStream) continue;
            if (frame.Header.Type == FrameType.Response) TakeResponse(Response.Parser.ParseFrom(frame.Payload.Span));
            else TakeStarted(AttachStarted.Parser.ParseFrom(frame.Payload.Span));
        }
    }

    private void TakeStarted(AttachStarted started)
    {
        var descriptors = _descriptors.ToArray();
        _descriptors.Clear();
        OnStarted(started, descriptors);
    }

    private void TakeResponse(Response response)
    {
        if (response.Status is { Code: not 0 } status) End(null, status.Message);
        else End(AttachResult.Parser.ParseFrom(response.Payload), "");
    }

    private void End(AttachResult? result, string why)
    {
        Dispose();
        OnEnded(result, why);
    }

    private void Send(uint stream, string method, FrameFlags flags, IMessage request)
    {
        if (_fd < 0) return;
        var buffer = new OutboundBuffer();
        var envelope = new Request { Service = ShimMethods.Service, Method = method, Payload = request.ToByteString() };
        FrameEncoder.Write(buffer, stream, FrameType.Request, flags, envelope);
        // Some hundred bytes into a socket that nothing waits in.
        if (!UnixSocket.TrySend(_fd, buffer.Unsent, [])) End(null, "the shim does not take calls");
    }
}
