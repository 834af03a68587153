using System.Runtime.InteropServices;

namespace ShimRuntime.Shim.Session.Wire;

/// <summary>
/// Bytes on their way: appended at the end, taken from the front. In native memory, because a shim's managed heap is small; given back
/// when the queue runs empty after a burst. Its bound is the owner's business.
/// </summary>
internal sealed unsafe class ByteQueue : IDisposable
{
    private const int InitialBytes = 4096;
    private const int KeptBytes = 128 * 1024;
    private byte* _bytes;
    private int _capacity;
    private int _start;
    private int _end;

    public int Count => _end - _start;

    /// <summary>Valid until the next call.</summary>
    public byte* Front => _bytes + _start;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        Reserve(bytes.Length);
        bytes.CopyTo(new Span<byte>(_bytes + _end, bytes.Length));
        _end += bytes.Length;
    }

    public void Consume(int count)
    {
        _start += count;
        if (_start < _end) return;
        _start = _end = 0;
        if (_capacity > KeptBytes) Dispose();
    }

    public void Dispose()
    {
        NativeMemory.Free(_bytes);
        _bytes = null;
        _capacity = _start = _end = 0;
    }

    private void Reserve(int count)
    {
        if (_capacity - _end >= count) return;
        if (_capacity - Count < count || _start < _capacity / 2)
        {
            _capacity = Math.Max(Math.Max(InitialBytes, Count + count), _capacity * 2);
            var fresh = (byte*)NativeMemory.Alloc((nuint)_capacity);
            Buffer.MemoryCopy(_bytes + _start, fresh, _capacity, Count);
            NativeMemory.Free(_bytes);
            _bytes = fresh;
        }
        else
        {
            Buffer.MemoryCopy(_bytes + _start, _bytes, _capacity, Count);
        }

        _end -= _start;
        _start = 0;
    }
}
