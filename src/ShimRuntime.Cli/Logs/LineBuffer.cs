namespace ShimRuntime.Cli.Logs;

/// <summary>Cuts blocks into lines; a line that is longer than the buffer grows it.</summary>
internal sealed class LineBuffer(int capacity)
{
    private byte[] _bytes = new byte[capacity];
    private int _used;

    public int LastReadBytes { get; private set; }

    /// <summary>Where the next block is read to.</summary>
    public Memory<byte> Free
    {
        get
        {
            if (_used == _bytes.Length) Array.Resize(ref _bytes, _bytes.Length * 2);
            return _bytes.AsMemory(_used);
        }
    }

    /// <summary>Takes <paramref name="count"/> bytes that were read to <see cref="Free"/>; returns complete lines, valid until the next call of Free.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Add(int count)
    {
        LastReadBytes = count;
        var lines = new List<ReadOnlyMemory<byte>>();
        var start = 0;
        var end = _used + count;
        for (int newline; (newline = _bytes.AsSpan(start, end - start).IndexOf((byte)'\n')) >= 0; start += newline + 1)
            lines.Add(_bytes.AsSpan(start, newline).ToArray());
        _bytes.AsSpan(start, end - start).CopyTo(_bytes);
        _used = end - start;
        return lines;
    }
}
