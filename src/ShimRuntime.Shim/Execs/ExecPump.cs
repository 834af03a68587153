using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Execs;

/// <summary>
/// Moves one output stream of an exec to its caller. Beyond the caller's limit it reads on and drops. A caller that reads slowly
/// makes it pause, so that the pipe fills and the exec waits; nothing else does.
/// </summary>
internal sealed unsafe class ExecPump : IEpollHandler, IDisposable
{
    private readonly EpollLoop _loop;
    private readonly IExecClient _client;
    private readonly ReadBuffer _buffer;
    private readonly bool _stderr;
    private readonly Action _onEnd;
    private ulong _room;
    private int _fd;
    private bool _paused;

    /// <param name="maxBytes">0: no limit.</param>
    public ExecPump(EpollLoop loop, (int Fd, bool Stderr) stream, (IExecClient Client, ReadBuffer Buffer) sink, ulong maxBytes, Action onEnd)
    {
        (_loop, _onEnd) = (loop, onEnd);
        (_fd, _stderr) = stream;
        (_client, _buffer) = sink;
        _room = maxBytes == 0 ? ulong.MaxValue : maxBytes;
        try
        {
            FileDescriptor.SetNonBlocking(_fd);
            _loop.Add(_fd, (uint)EPOLLIN, this);
        }
        catch
        {
            FileDescriptor.Close(ref _fd);
            throw;
        }
    }

    /// <summary>One that another program of this process had.</summary>
    public ExecPump(EpollLoop loop, SavedExecPump saved, bool stderr, (IExecClient Client, ReadBuffer Buffer) sink, Action onEnd)
    {
        (_loop, _onEnd, _fd, _stderr, _room, _paused) = (loop, onEnd, StateReader.Fd(saved.Fd), stderr, saved.Room, saved.IsPaused);
        (_client, _buffer) = sink;
        Truncated = saved.IsTruncated;
        if (_fd >= 0 && !_paused) _loop.Add(_fd, (uint)EPOLLIN, this);
    }

    public bool HasEnded => _fd < 0;

    public bool Truncated { get; private set; }

    public void OnReady(uint events)
    {
        if (ReadOnce() == 0)
        {
            Dispose();
            _onEnd();
        }
        else if (_client.IsCongested)
        {
            // Removed, not masked: epoll reports a hang-up even with no events asked for.
            _paused = true;
            _loop.Remove(_fd);
        }
    }

    public SavedExecPump Save(StateWriter writer) => new() { Fd = writer.Keep(_fd), Room = _room, IsPaused = _paused, IsTruncated = Truncated };

    /// <summary>The caller has caught up.</summary>
    public void Resume()
    {
        if (!_paused || _fd < 0) return;
        _paused = false;
        _loop.Add(_fd, (uint)EPOLLIN, this);
    }

    /// <summary>Takes what is there now and closes.</summary>
    public void EndNow()
    {
        int count;
        for (var left = ReadBuffer.MaxLeftBytes; left > 0 && _fd >= 0 && (count = ReadOnce()) > 0; left -= count)
        {
        }

        Dispose();
    }

    public void Dispose()
    {
        if (_fd < 0) return;
        _loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
    }

    private int ReadOnce()
    {
        var count = FileDescriptor.Read(_fd, _buffer.Start, ReadBuffer.ReadBytes);
        if (count <= 0) return count;
        var taken = (int)Math.Min((ulong)count, _room);
        Truncated |= taken < count;
        _room -= _room == ulong.MaxValue ? 0 : (ulong)taken;
        if (taken > 0) _client.SendOutput(_stderr, new ReadOnlySpan<byte>(_buffer.Start, taken));
        return count;
    }
}
