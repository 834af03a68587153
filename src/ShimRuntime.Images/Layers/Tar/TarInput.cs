using System.Buffers;

namespace ShimRuntime.Images;

/// <summary>
/// The archive's bytes in order. While the caller works on one buffer the next is read on another thread, so that inflating and writing
/// files overlap. Memory handed out is valid until the next call. One reader; 2 MiB while it lives.
/// </summary>
internal sealed class TarInput : IAsyncDisposable
{
    public const int BlockBytes = 512;
    private const int BufferBytes = 1 << 20;

    private readonly Stream _stream;
    private readonly long _maxBytes;
    private readonly CancellationTokenSource _stop;
    private byte[] _current = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private byte[] _ahead = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private Task<int> _reading;
    private int _start;
    private int _end;

    public TarInput(Stream stream, long maxBytes, CancellationToken cancellation)
    {
        _stream = stream;
        _maxBytes = maxBytes;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _reading = ReadAhead();
    }

    /// <summary>Bytes taken so far.</summary>
    public long Position { get; private set; }

    /// <summary>Between 1 and <paramref name="max"/> bytes; empty at the end of the stream.</summary>
    public async ValueTask<ReadOnlyMemory<byte>> TakeAsync(long max)
    {
        if (_start == _end && !await RefillAsync().ConfigureAwait(false)) return default;
        var count = (int)Math.Min(max, _end - _start);
        var taken = _current.AsMemory(_start, count);
        _start += count;
        Position += count;
        return Position <= _maxBytes ? taken : throw new TarFormatException($"the archive is larger than {_maxBytes} bytes");
    }

    /// <summary>Fills <paramref name="target"/>. False when the stream ended before its first byte.</summary>
    public async ValueTask<bool> ReadAsync(Memory<byte> target)
    {
        for (var done = 0; done < target.Length;)
        {
            var part = await TakeAsync(target.Length - done).ConfigureAwait(false);
            if (part.IsEmpty) return done == 0 ? false : throw Truncated();
            part.CopyTo(target[done..]);
            done += part.Length;
        }

        return true;
    }

    /// <summary>Passes over <paramref name="count"/> bytes.</summary>
    public async ValueTask SkipAsync(long count)
    {
        while (count > 0)
        {
            var part = await TakeAsync(count).ConfigureAwait(false);
            if (part.IsEmpty) throw Truncated();
            count -= part.Length;
        }
    }

    /// <summary>Reads to the end of the stream, so that digests over it are complete.</summary>
    public async ValueTask DrainAsync()
    {
        while (!(await TakeAsync(BufferBytes).ConfigureAwait(false)).IsEmpty)
        {
        }
    }

    public TarFormatException Truncated() => new($"the archive ends in the middle of an entry, after {Position} bytes");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await ((Task)_reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // the buffer is in use until the read has returned
        ArrayPool<byte>.Shared.Return(_current);
        ArrayPool<byte>.Shared.Return(_ahead);
        _stop.Dispose();
    }

    private async ValueTask<bool> RefillAsync()
    {
        var count = await _reading.ConfigureAwait(false);
        if (count == 0) return false;
        (_current, _ahead) = (_ahead, _current);
        (_start, _end) = (0, count);
        _reading = ReadAhead();
        return true;
    }

    // Task.Run: a decompressor's ReadAsync does its work before it returns.
    private Task<int> ReadAhead()
    {
        var buffer = _ahead.AsMemory(0, BufferBytes);
        return Task.Run(() => _stream.ReadAtLeastAsync(buffer, buffer.Length, false, _stop.Token).AsTask(), _stop.Token);
    }
}
