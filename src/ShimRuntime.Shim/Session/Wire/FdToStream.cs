using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Session.Wire;

/// <summary>
/// Moves what a descriptor has to say (a pipe, a terminal's master, a socket) to a stream. Reads only what the stream has room for: a
/// client that reads slowly makes the writer wait. Owns the descriptor.
/// </summary>
internal sealed unsafe class FdToStream : IEpollHandler, IDisposable
{
    private readonly EpollLoop _loop;
    private readonly ReadBuffer _buffer;
    private readonly ClientStream? _stream;
    private readonly Action _onEnd;
    private int _fd;
    private bool _armed;

    /// <param name="stream">null: read and dropped.</param>
    public FdToStream(EpollLoop loop, ReadBuffer buffer, int fd, ClientStream? stream, Action onEnd)
    {
        (_loop, _buffer, _fd, _stream, _onEnd) = (loop, buffer, fd, stream, onEnd);
        FileDescriptor.SetNonBlocking(fd);
        if (stream is not null) stream.OnRoom = Resume;
    }

    public bool HasEnded => _fd < 0;

    /// <summary>True while bytes are there that the client has no room for.</summary>
    public bool IsPaused => _fd >= 0 && !_armed;

    public void Start() => Resume();

    public void OnReady(uint events)
    {
        if (ReadOnce() == 0) Finish();
        else if (Room() == 0) Arm(false);
    }

    /// <summary>Sends what is there now and ends: for a descriptor that somebody holds open beyond the process's end.</summary>
    public void EndNow()
    {
        while (_fd >= 0 && Room() > 0 && ReadOnce() > 0)
        {
        }

        if (_fd >= 0) Finish();
    }

    public void Dispose()
    {
        if (_fd < 0) return;
        Arm(false);
        FileDescriptor.Close(ref _fd);
    }

    private void Finish()
    {
        Dispose();
        _stream?.Finish();
        _onEnd();
    }

    private void Resume()
    {
        if (_fd >= 0 && Room() > 0) Arm(true);
    }

    private int Room() => _stream?.Room ?? int.MaxValue;

    private int ReadOnce()
    {
        var wanted = Math.Min(Room(), ReadBuffer.ReadBytes);
        if (wanted == 0) return -1;
        var count = FileDescriptor.Read(_fd, _buffer.Start, wanted);
        if (count > 0) _stream?.Write(new ReadOnlySpan<byte>(_buffer.Start, count));
        return count;
    }

    private void Arm(bool wanted)
    {
        if (wanted == _armed) return;
        _armed = wanted;
        // Removed, not masked: epoll reports a hang-up even with no events asked for.
        if (wanted) _loop.Add(_fd, (uint)EPOLLIN, this);
        else _loop.Remove(_fd);
    }
}
