namespace ShimRuntime.ShimProtocol;

/// <summary>
/// Cuts a byte stream into frames, whatever the sizes of the reads: <c>GetMemory</c>, read into it, <c>Advance</c>, then <c>TryRead</c>
/// until false. Holds at most one frame and one read; a buffer that grew for a big frame shrinks again once it is empty.
/// </summary>
public sealed class FrameDecoder
{
    private const int InitialBytes = 4096;
    private byte[] _buffer = new byte[InitialBytes];
    private int _start;
    private int _end;

    /// <summary>Bytes received that are no whole frame yet.</summary>
    public int Pending => _end - _start;

    /// <summary>As <see cref="Pending"/>; valid until the next call.</summary>
    public ReadOnlySpan<byte> Received => _buffer.AsSpan(_start, Pending);

    /// <summary>As if it had been read.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var memory = GetMemory().Span;
            var count = Math.Min(memory.Length, bytes.Length);
            bytes[..count].CopyTo(memory);
            Advance(count);
            bytes = bytes[count..];
        }
    }

    /// <summary>Room for the next read, never empty. Frames handed out before are invalid from here on.</summary>
    public Memory<byte> GetMemory()
    {
        if (_start == _end) Reset();
        else if (_end == _buffer.Length || _start > 0) Compact();
        return _buffer.AsMemory(_end);
    }

    /// <summary>Declares that <paramref name="count"/> bytes were read into the memory last handed out.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _buffer.Length - _end);
        _end += count;
    }

    /// <summary>Takes the next whole frame; false when more bytes are needed.</summary>
    public bool TryRead(out Frame frame)
    {
        frame = default;
        if (Pending < FrameHeader.SizeBytes) return false;
        var header = FrameHeader.Read(_buffer.AsSpan(_start));
        if (Pending < FrameHeader.SizeBytes + header.Length) return false;
        frame = new Frame(header, _buffer.AsMemory(_start + FrameHeader.SizeBytes, header.Length));
        _start += FrameHeader.SizeBytes + header.Length;
        return true;
    }

    private void Reset()
    {
        _start = _end = 0;
        if (_buffer.Length > 16 * InitialBytes) _buffer = new byte[InitialBytes];
    }

    private void Compact()
    {
        var wanted = Pending < FrameHeader.SizeBytes
            ? InitialBytes : FrameHeader.SizeBytes + FrameHeader.Read(_buffer.AsSpan(_start)).Length;
        // Doubling, not the announced length at once: a peer that only announces 4 MiB does not get them.
        var target = _buffer.Length >= wanted || Pending < _buffer.Length ? _buffer : new byte[Math.Min(wanted, _buffer.Length * 2)];
        _buffer.AsSpan(_start, Pending).CopyTo(target);
        _end -= _start;
        _start = 0;
        _buffer = target;
    }
}
