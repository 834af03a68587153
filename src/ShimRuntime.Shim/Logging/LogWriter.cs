using System.Runtime.InteropServices;
using Tmds.Linux;

namespace ShimRuntime.Shim.Logging;

/// <summary>
/// Turns a block of container output into CRI log lines, <c>&lt;RFC3339Nano&gt; stdout|stderr P|F &lt;text&gt;</c>, without copying
/// the text: each line is a vector for its prefix, rendered once a block, and one for text and newline as they lie in the block; writev(2)
/// gathers them.
/// </summary>
internal sealed unsafe class LogWriter(LogFile file) : IDisposable
{
    private const int MaxVectors = 1024; // IOV_MAX
    private const int PrefixBytes = CriTimestamp.Bytes + 10; // " stdout F "
    private readonly iovec* _vectors = (iovec*)NativeMemory.Alloc(MaxVectors, (nuint)sizeof(iovec));
    private readonly byte* _full = (byte*)NativeMemory.Alloc(2 * PrefixBytes + 1);
    private int _count;
    private int _contentBytes;

    public LogFile File { get; } = file;

    /// <summary>Writes every line that <paramref name="block"/> completes; returns how many of its bytes are done with.</summary>
    public int Write(LogStream stream, byte* block, int bytes)
    {
        if (!File.IsOpen) return bytes;
        RenderPrefixes(stream);
        var done = 0;
        while (LineSplitter.TryNext(new ReadOnlySpan<byte>(block + done, bytes - done), out var length, out var consumed, out var partial))
        {
            Add(block + done, length, partial);
            done += consumed;
        }

        Flush();
        return done;
    }

    /// <summary>Writes the last, unfinished line of a stream that has ended, as a full one.</summary>
    public void WriteLast(LogStream stream, byte* text, int bytes)
    {
        if (!File.IsOpen || bytes == 0) return;
        RenderPrefixes(stream);
        Put(_full, PrefixBytes);
        Put(text, bytes);
        Put(Newline, 1);
        _contentBytes = bytes;
        Flush();
    }

    public void Dispose()
    {
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_full);
    }

    private byte* Partial => _full + PrefixBytes;

    private byte* Newline => _full + (2 * PrefixBytes);

    private void RenderPrefixes(LogStream stream)
    {
        var full = new Span<byte>(_full, PrefixBytes);
        CriTimestamp.Write(full, DateTime.UtcNow);
        (stream == LogStream.Stdout ? " stdout F "u8 : " stderr F "u8).CopyTo(full[CriTimestamp.Bytes..]);
        full.CopyTo(new Span<byte>(Partial, PrefixBytes));
        Partial[PrefixBytes - 2] = (byte)'P';
        *Newline = (byte)'\n';
    }

    private void Add(byte* text, int length, bool partial)
    {
        if (_count + 3 > MaxVectors) Flush();
        Put(partial ? Partial : _full, PrefixBytes);
        if (partial)
        {
            Put(text, length);
            Put(Newline, 1);
        }
        else
        {
            Put(text, length + 1); // its own newline follows it
        }

        _contentBytes += length;
    }

    private void Put(byte* start, int bytes)
    {
        _vectors[_count].iov_base = start;
        _vectors[_count].iov_len = (size_t)(ulong)bytes;
        _count++;
    }

    private void Flush()
    {
        if (_count > 0) File.Append(_vectors, _count, _contentBytes);
        _count = _contentBytes = 0;
    }
}
