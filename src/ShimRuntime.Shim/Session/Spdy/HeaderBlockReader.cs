using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.Spdy;

/// <summary>
/// The client's header blocks (SPDY/3.1, section 2.6.10): one zlib stream for the connection's life, with a preset dictionary, flushed at
/// the end of each block. .NET's zlib takes no dictionary: it is fed as a first, stored block, and its output dropped.
/// </summary>
internal sealed class HeaderBlockReader : IDisposable
{
    private const int ZlibHeaderBytes = 6;
    private const int MaxPairs = 64;
    private const int MaxBlockBytes = 16 * 1024;
    private readonly FeedStream _feed = new();
    private readonly DeflateStream _inflate;
    private readonly byte[] _text = new byte[MaxBlockBytes];
    private bool _started;
    private int _room;

    public HeaderBlockReader()
    {
        _inflate = new DeflateStream(_feed, CompressionMode.Decompress);
        var dictionary = SpdyDictionary.Bytes();
        Span<byte> stored = stackalloc byte[5]; // RFC 1951, 3.2.4: not final, stored, LEN, NLEN
        BinaryPrimitives.WriteUInt16LittleEndian(stored[1..], (ushort)dictionary.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(stored[3..], (ushort)~dictionary.Length);
        _feed.Add(stored);
        _feed.Add(dictionary);
        _inflate.ReadExactly(dictionary);
    }

    /// <summary>Names as the client wrote them; several values of one name come with NULs between them, as they stand.</summary>
    /// <exception cref="WireException">Not such a block, or larger than 16 KiB.</exception>
    public IReadOnlyList<KeyValuePair<string, string>> Read(ReadOnlySpan<byte> block)
    {
        if (!_started)
        {
            CheckZlibHeader(block);
            block = block[ZlibHeaderBytes..];
            _started = true;
        }

        _feed.Add(block);
        _room = MaxBlockBytes;
        try
        {
            return ReadPairs();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new WireException($"a header block that does not inflate: {e.Message}");
        }
    }

    public void Dispose()
    {
        _inflate.Dispose();
        _feed.Dispose();
    }

    private static void CheckZlibHeader(ReadOnlySpan<byte> block)
    {
        const int fdict = 0x20;
        var valid = block.Length >= ZlibHeaderBytes && (block[0] & 0x0f) == 8 && BinaryPrimitives.ReadUInt16BigEndian(block) % 31 == 0
            && (block[1] & fdict) != 0 && BinaryPrimitives.ReadUInt32BigEndian(block[2..]) == SpdyDictionary.Id;
        if (!valid) throw new WireException("a first header block without SPDY's zlib dictionary");
    }

    private List<KeyValuePair<string, string>> ReadPairs()
    {
        var count = ReadLength(MaxPairs);
        List<KeyValuePair<string, string>> pairs = new(count);
        for (var i = 0; i < count; i++) pairs.Add(new KeyValuePair<string, string>(ReadText(), ReadText()));
        return pairs;
    }

    private string ReadText()
    {
        var text = _text.AsSpan(0, ReadLength(_room));
        _inflate.ReadExactly(text);
        _room -= text.Length;
        return Encoding.Latin1.GetString(text);
    }

    private int ReadLength(int most)
    {
        Span<byte> bytes = stackalloc byte[4];
        _inflate.ReadExactly(bytes);
        _room -= bytes.Length;
        var value = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        return value <= most && _room >= 0 ? (int)value : throw new WireException($"a header block of more than {MaxPairs} pairs or {MaxBlockBytes} bytes");
    }

    /// <summary>What was added and not read yet; when that is nothing it reads as 0 bytes, and goes on when more is added.</summary>
    private sealed class FeedStream : Stream
    {
        private readonly MemoryStream _bytes = new();
        private long _readPosition;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void Add(ReadOnlySpan<byte> bytes)
        {
            if (_readPosition == _bytes.Length) _bytes.SetLength(_readPosition = 0);
            _bytes.Position = _bytes.Length;
            _bytes.Write(bytes);
        }

        public override int Read(Span<byte> buffer)
        {
            _bytes.Position = _readPosition;
            var count = _bytes.Read(buffer);
            _readPosition += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
