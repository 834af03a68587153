using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Tmds.Linux;

namespace ShimRuntime.Shim.Logging;

/// <summary>
/// Turns a block of container output into CRI log lines, <c>&lt;RFC3339Nano&gt; stdout|stderr P|F &lt;text&gt;</c>. The prefix is
/// rendered once a block: its lines were read by one read(2). A long line is not copied: it is a vector for its prefix and one for text and
/// newline as they lie in the block. Short lines, of which the kernel would spend more on the vectors than on the bytes, are put together
/// in a buffer. writev(2) gathers both.
/// </summary>
internal sealed unsafe class LogWriter(LogFile file) : IDisposable
{
    private const int MaxVectors = 1024; // IOV_MAX
    private const int PrefixBytes = CriTimestamp.Bytes + 10; // " stdout F "
    private const int ShortLineBytes = 512;
    private const int JoinedBytes = 64 * 1024;
    private readonly iovec* _vectors = (iovec*)NativeMemory.Alloc(MaxVectors, (nuint)sizeof(iovec));
    private readonly byte* _full = (byte*)NativeMemory.Alloc(2 * PrefixBytes + 1 + ReadBuffer.SlackBytes);
    private byte* _joined; // made with the first short line; many containers say nothing
    private int _joinedBytes;
    private int _count;
    private int _contentBytes;

    public LogFile File { get; } = file;

    /// <summary>Writes every line that <paramref name="block"/> completes; returns how many of its bytes are done with.</summary>
    public int Write(LogStream stream, byte* block, int bytes)
    {
        if (!File.IsOpen) return bytes;
        RenderPrefixes(stream);
        var done = WriteWhole(block, bytes);
        while (LineSplitter.TryNext(new ReadOnlySpan<byte>(block + done, bytes - done), out var length, out var consumed, out var partial))
        {
            Add(block + done, length, partial);
            done += consumed;
        }

        Flush();
        return done;
    }

    /// <summary>
    /// Lines that end in a whole vector of the block, cut as <see cref="LineSplitter"/> cuts them: one comparison finds all newlines of 16
    /// bytes. Returns where the last of them ends.
    /// </summary>
    private int WriteWhole(byte* block, int bytes)
    {
        var newline = Vector128.Create((byte)'\n');
        var done = 0;
        for (var at = 0; at <= bytes - Vector128<byte>.Count; at += Vector128<byte>.Count)
        {
            var found = Vector128.Equals(Vector128.Load(block + at), newline).ExtractMostSignificantBits();
            for (; found != 0; found &= found - 1)
            {
                var end = at + BitOperations.TrailingZeroCount(found);
                for (; end - done > LineSplitter.MaxLineBytes; done += LineSplitter.MaxLineBytes)
                    Add(block + done, LineSplitter.MaxLineBytes, true);
                if (end - done < ShortLineBytes) Join(block + done, end - done);
                else Add(block + done, end - done, false);
                done = end + 1;
            }
        }

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
        NativeMemory.Free(_joined);
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

    /// <summary>Text, prefix and newline as bytes of the buffer; lines that follow one another there share a vector.</summary>
    private void Join(byte* text, int length)
    {
        if (_joined is null) _joined = (byte*)NativeMemory.Alloc(JoinedBytes);
        var size = PrefixBytes + length + 1;
        if (_joinedBytes + size + ReadBuffer.SlackBytes > JoinedBytes || _count == MaxVectors) Flush();
        var target = _joined + _joinedBytes;
        Copy(_full, target, PrefixBytes);
        Copy(text, target + PrefixBytes, length + 1); // its own newline follows it
        if (_count > 0 && (byte*)_vectors[_count - 1].iov_base + (ulong)_vectors[_count - 1].iov_len == target)
            _vectors[_count - 1].iov_len = (size_t)((ulong)_vectors[_count - 1].iov_len + (ulong)size);
        else Put(target, size);
        _joinedBytes += size;
        _contentBytes += length;
    }

    /// <summary>In whole vectors: up to <see cref="ReadBuffer.SlackBytes"/> behind both are touched.</summary>
    private static void Copy(byte* source, byte* target, int bytes)
    {
        for (var i = 0; i < bytes; i += Vector128<byte>.Count) Vector128.Load(source + i).Store(target + i);
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
        _count = _contentBytes = _joinedBytes = 0;
    }
}
