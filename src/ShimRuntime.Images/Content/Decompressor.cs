using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace ShimRuntime.Images;

/// <summary>Finds out by the first bytes how a stream is compressed: gzip (RFC 1952), zstd (RFC 8878) or not at all.</summary>
internal static class Decompressor
{
    /// <summary>
    /// log2 of the largest zstd window: 128 MiB, what level 22 uses. Larger ones are refused, they are memory that an attacker asks for.
    /// </summary>
    private const int MaxZstdWindowLog = 27;
    private const int BlockBytes = 128 * 1024;

    /// <summary>The plain bytes of <paramref name="source"/>; disposing the result does not dispose the source.</summary>
    public static async Task<Stream> OpenAsync(Stream source, CancellationToken cancellation)
    {
        var head = new byte[4];
        var count = await source.ReadAtLeastAsync(head, head.Length, false, cancellation).ConfigureAwait(false);
        var whole = new PrefixedStream(head.AsMemory(0, count), source);
        if (IsGzip(head)) return new GZipStream(whole, CompressionMode.Decompress);
        if (!IsZstd(head)) return whole;
        var zstd = new DecompressionStream(whole, BlockBytes, leaveOpen: true);
        zstd.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxZstdWindowLog);
        return zstd;
    }

    private static bool IsGzip(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]);

    /// <summary>A frame, or a skippable frame before it.</summary>
    private static bool IsZstd(ReadOnlySpan<byte> head) =>
        head.SequenceEqual((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD])
        || ((head[0] & 0xF0) == 0x50 && head[1..].SequenceEqual((ReadOnlySpan<byte>)[0x2A, 0x4D, 0x18]));

    /// <summary>
    /// Bytes already read, put back before the rest. GZipStream asks for 8 KiB at a time: the rest is read in larger pieces, because each
    /// read below hashes, has a deadline of its own and reports progress.
    /// </summary>
    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : ReadOnlyStream
    {
        private const int PieceBytes = 64 * 1024;
        private ReadOnlyMemory<byte> _held = prefix;
        private byte[] _piece = [];

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_held.IsEmpty)
            {
                if (buffer.Length >= PieceBytes) return await rest.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (_piece.Length == 0) _piece = new byte[PieceBytes];
                _held = _piece.AsMemory(0, await rest.ReadAsync(_piece, cancellationToken).ConfigureAwait(false));
            }

            var count = Math.Min(buffer.Length, _held.Length);
            _held[..count].CopyTo(buffer);
            _held = _held[count..];
            return count;
        }
    }
}
