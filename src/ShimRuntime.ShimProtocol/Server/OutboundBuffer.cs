using System.Buffers;

namespace ShimRuntime.ShimProtocol;

/// <summary>
/// Bytes on their way to a socket: appended at the end, taken from the front. Gives its memory back when it runs empty after a burst.
/// </summary>
public sealed class OutboundBuffer : IBufferWriter<byte>
{
    private const int InitialBytes = 1024;
    private const int KeptBytes = 64 * 1024;
    private byte[] _bytes = new byte[InitialBytes];
    private int _start;
    private int _end;

    public int Pending => _end - _start;

    public ReadOnlySpan<byte> Unsent => _bytes.AsSpan(_start, Pending);

    public void Advance(int count) => _end += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(1, sizeHint));
        return _bytes.AsMemory(_end);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public void Consume(int count)
    {
        _start += count;
        if (_start < _end) return;
        _start = _end = 0;
        if (_bytes.Length > KeptBytes) _bytes = new byte[InitialBytes];
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - _end >= count) return;
        var target = _bytes.Length - Pending >= count ? _bytes : new byte[Math.Max(Pending + count, _bytes.Length * 2)];
        _bytes.AsSpan(_start, Pending).CopyTo(target);
        _end -= _start;
        _start = 0;
        _bytes = target;
    }
}
