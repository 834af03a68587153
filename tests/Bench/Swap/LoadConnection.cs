using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Bench.Swap;

/// <summary>A connection of an <see cref="OpenLoopLoad"/>, which is told how each request on it went: one at a time.</summary>
/// <param name="fd">Non-blocking, connecting; ours to close.</param>
internal sealed unsafe class LoadConnection(EpollLoop loop, int fd, OpenLoopLoad owner) : IEpollHandler
{
    private const int BufferBytes = 1024;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _fd = fd;
    private int _filled;
    private bool _isConnected;
    private LoadRequest? _request;

    /// <summary>It has brought an answer before.</summary>
    public bool IsReused { get; private set; }

    public bool IsClosed => _fd < 0;

    public void Begin(LoadRequest request)
    {
        (_request, _filled) = (request, 0);
        request.Connection = this;
        if (_isConnected) Send();
        else loop.Add(_fd, (uint)EPOLLOUT, this);
    }

    public void OnReady(uint events)
    {
        if (_isConnected) Receive();
        else Connected();
    }

    public void Close()
    {
        if (_fd < 0) return;
        loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        owner.Closed(this);
    }

    private void Connected()
    {
        var error = TcpSocket.ErrorOf(_fd);
        if (error != 0)
        {
            Break(error == Errno.ECONNREFUSED ? "refused" : error == Errno.ETIMEDOUT ? "timed out" : error == Errno.ECONNRESET ? "reset" : $"failed ({error})");
            return;
        }

        _isConnected = true;
        loop.Modify(_fd, (uint)EPOLLIN);
        Send();
    }

    private void Send()
    {
        var text = HttpAnswer.Request($"/{_request!.Number}", _request.Keeps);
        fixed (byte* bytes = text)
        {
            if (FileDescriptor.TrySend(_fd, bytes, text.Length) != text.Length) Break("reset"); // nothing else fills a buffer with so few bytes
        }
    }

    /// <summary>Without a request: the server closes, and that is all that it may say.</summary>
    private void Receive()
    {
        int count;
        fixed (byte* bytes = _buffer) count = FileDescriptor.TryReceive(_fd, bytes + _filled, BufferBytes - _filled);
        if (count < 0) return;
        if (_request is null)
        {
            Close();
            return;
        }

        _filled += count;
        if (count == 0) Break(_filled == 0 ? "reset" : "wrong answer (cut short)");
        else if (TryParse(out var answer)) Answered(answer);
        else if (_filled == BufferBytes) Break("wrong answer (too long)");
    }

    private bool TryParse(out HttpAnswer answer)
    {
        answer = default;
        try
        {
            if (HttpAnswer.TryParse(_buffer.AsSpan(0, _filled)) is not { } parsed) return false;
            answer = parsed;
        }
        catch (IOException e)
        {
            answer = new HttpAnswer(e.Message, true);
        }

        return true;
    }

    private void Answered(HttpAnswer answer)
    {
        var request = _request!;
        (_request, _filled, IsReused) = (null, 0, true);
        owner.Answered(this, request, answer);
    }

    private void Break(string how)
    {
        var request = _request!;
        _request = null;
        Close();
        owner.Broken(request, how, IsReused);
    }
}
