using System.Runtime.InteropServices;
using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Logging;

/// <summary>
/// Moves one stream of the container (a pipe, or a terminal's master) to the log. The beginning of an unfinished line, at most 16 KiB,
/// is held until its newline, the next read or the end of the stream. Owns its descriptor.
/// </summary>
internal sealed unsafe class LogPump : IEpollHandler, IDisposable
{
    private readonly EpollLoop _loop;
    private readonly LogWriter _writer;
    private readonly ReadBuffer _buffer;
    private readonly Attachers _attachers;
    private readonly LogStream _stream;
    private readonly Action _onEnd;
    private byte* _held; // made when a line is first held; many containers never need it
    private int _heldBytes;
    private int _fd;
    private bool _isWatched;

    public LogPump(EpollLoop loop, int fd, LogStream stream, OutputSink sink, Action onEnd)
    {
        (_loop, _fd, _stream, _onEnd) = (loop, fd, stream, onEnd);
        (_writer, _buffer, _attachers) = sink;
        FileDescriptor.SetNonBlocking(fd);
    }

    /// <summary>One that another program of this process had.</summary>
    public LogPump(EpollLoop loop, SavedPump saved, OutputSink sink, Action onEnd)
    {
        (_loop, _fd, _stream, _onEnd) = (loop, StateReader.Fd(saved.Fd), saved.IsStderr ? LogStream.Stderr : LogStream.Stdout, onEnd);
        (_writer, _buffer, _attachers) = sink;
        Hold(saved.Held.Span);
        if (saved.IsWatched) Start();
    }

    public bool HasEnded => _fd < 0;

    public void Start()
    {
        _loop.Add(_fd, (uint)EPOLLIN, this);
        _isWatched = true;
    }

    public SavedPump Save(StateWriter writer) => new()
    {
        Fd = writer.Keep(_fd),
        IsStderr = _stream == LogStream.Stderr,
        IsWatched = _isWatched && !HasEnded,
        Held = ByteString.CopyFrom(new ReadOnlySpan<byte>(_held, _heldBytes)),
    };

    public void OnReady(uint events)
    {
        if (ReadOnce() != 0) return;
        Dispose();
        _onEnd();
    }

    /// <summary>Takes what is there now and lets go of the stream: for one that somebody holds open beyond the container's end.</summary>
    public void EndNow()
    {
        int count;
        for (var left = ReadBuffer.MaxLeftBytes; left > 0 && _fd >= 0 && (count = ReadOnce()) > 0; left -= count)
        {
        }

        Dispose();
    }

    /// <summary>Writes the held line and closes.</summary>
    public void Dispose()
    {
        if (_fd < 0) return;
        _loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        if (_heldBytes > 0) _writer.WriteLast(_stream, _held, _heldBytes);
        NativeMemory.Free(_held);
        _held = null;
        _heldBytes = 0;
    }

    /// <summary>As <see cref="FileDescriptor.Read"/>: bytes, 0 at the end, -1 for nothing now.</summary>
    private int ReadOnce()
    {
        var block = _buffer.Start;
        var count = FileDescriptor.Read(_fd, block + _heldBytes, ReadBuffer.ReadBytes);
        if (count <= 0) return count;
        _attachers.Write(_stream, block + _heldBytes, count);
        if (_heldBytes > 0) Buffer.MemoryCopy(_held, block, LineSplitter.MaxLineBytes, _heldBytes);
        var total = _heldBytes + count;
        var done = _writer.Write(_stream, block, total);
        Hold(new ReadOnlySpan<byte>(block + done, total - done));
        return count;
    }

    private void Hold(ReadOnlySpan<byte> text)
    {
        _heldBytes = text.Length;
        if (text.IsEmpty) return;
        if (_held is null) _held = (byte*)NativeMemory.Alloc(LineSplitter.MaxLineBytes);
        text.CopyTo(new Span<byte>(_held, LineSplitter.MaxLineBytes));
    }
}
