using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Session.Wire;

/// <summary>
/// Moves what the client sends on a stream to a descriptor: a pipe, a terminal's master, a socket. What the descriptor does not take
/// waits and counts in the backlog. Bytes for a reader that has gone are dropped. May be made before its descriptor is there.
/// Owns the descriptor.
/// </summary>
internal sealed unsafe class StreamToFd : IStreamSink, IEpollHandler, IDisposable
{
    private readonly EpollLoop _loop;
    private readonly ClientStream _stream;
    private readonly Backlog _backlog;
    private readonly Action<int> _onEnd;
    private readonly ByteQueue _waiting = new();
    private int _fd = -1;
    private bool _ended;
    private bool _armed;
    private bool _gone;

    /// <param name="onEnd">Called when the client's last byte was written: does what an end is for this descriptor (it is closed after).</param>
    public StreamToFd(EpollLoop loop, ClientStream stream, Backlog backlog, Action<int>? onEnd = null)
    {
        (_loop, _stream, _backlog) = (loop, stream, backlog);
        _onEnd = onEnd ?? (static _ => { });
        stream.Sink = this;
    }

    /// <summary>Called when the last byte was written after the client's end, or when the reader has gone.</summary>
    public Action? OnFinished { get; set; }

    public void Open(int fd)
    {
        if (_gone)
        {
            FileDescriptor.Close(ref fd);
            return;
        }

        _fd = fd;
        FileDescriptor.SetNonBlocking(fd);
        Flush();
    }

    public void Accept(ReadOnlySpan<byte> bytes)
    {
        if (_gone || _ended)
        {
            _stream.Consumed(bytes.Length);
            return;
        }

        var written = _fd >= 0 && _waiting.Count == 0 ? WriteNow(bytes) : 0;
        if (written < 0) return;
        _stream.Consumed(written);
        _waiting.Append(bytes[written..]);
        _backlog.Add(bytes.Length - written);
        Arm(_fd >= 0 && _waiting.Count > 0);
    }

    public void End()
    {
        if (_ended) return;
        _ended = true;
        if (_fd >= 0) Flush();
    }

    public void OnReady(uint events)
    {
        if ((events & ((uint)EPOLLERR | (uint)EPOLLHUP)) != 0 && (events & (uint)EPOLLOUT) == 0) ReaderGone();
        else Flush();
    }

    public void Dispose()
    {
        _gone = true;
        Arm(false);
        FileDescriptor.Close(ref _fd);
        var waiting = _waiting.Count;
        _waiting.Dispose();
        if (waiting > 0) _backlog.Remove(waiting);
    }

    private void Flush()
    {
        while (_waiting.Count > 0)
        {
            var count = WriteNow(new ReadOnlySpan<byte>(_waiting.Front, _waiting.Count));
            if (count < 0) return;
            if (count == 0) break;
            _waiting.Consume(count);
            _backlog.Remove(count);
            _stream.Consumed(count);
        }

        Arm(_waiting.Count > 0);
        if (!_ended || _waiting.Count > 0) return;
        _onEnd(_fd);
        Dispose();
        OnFinished?.Invoke();
    }

    /// <summary>Bytes written, 0 when there is no room, -1 when nobody reads any more.</summary>
    private int WriteNow(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return 0;
        fixed (byte* source = bytes)
        {
            var count = FileDescriptor.Write(_fd, source, bytes.Length);
            if (count >= 0) return count;
            if (count == -1) return 0;
        }

        _stream.Consumed(_waiting.Count == 0 ? bytes.Length : 0);
        ReaderGone();
        return -1;
    }

    private void ReaderGone()
    {
        if (_gone) return;
        var waiting = _waiting.Count;
        Dispose();
        if (waiting > 0) _stream.Consumed(waiting);
        OnFinished?.Invoke();
    }

    private void Arm(bool wanted)
    {
        if (wanted == _armed) return;
        _armed = wanted;
        if (wanted) _loop.Add(_fd, (uint)EPOLLOUT, this);
        else _loop.Remove(_fd);
    }
}
