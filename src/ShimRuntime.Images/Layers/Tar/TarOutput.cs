using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ShimRuntime.Images;

/// <summary>
/// Writes a tar archive: ustar, with a pax header (POSIX.1-2001) where ustar can't say it. Names and attributes are bytes, as on disk. What
/// would go beyond <paramref name="maxBytes"/> throws <see cref="TarFormatException"/>: a container's sparse files may be larger than the disk.
/// </summary>
internal sealed class TarOutput(Stream output, long maxBytes)
{
    private const int BlockBytes = TarInput.BlockBytes;
    private const int CopyBytes = 1 << 20;
    private const long MaxOctalId = 0x1FFFFF; // seven octal digits
    private const long MaxOctalSize = 0x1_FFFF_FFFF; // eleven
    private static readonly byte[] Zeros = new byte[2 * BlockBytes];
    private long _written;

    /// <summary>The header; a file's content, <see cref="TarEntry.SizeBytes"/> of it, comes next.</summary>
    public async Task WriteHeaderAsync(TarEntry entry, CancellationToken cancellation)
    {
        var pax = PaxOf(entry);
        if (pax.Length > 0)
        {
            await WriteAsync(TarHeaderBlock.Encode((byte)'x', "PaxHeader"u8, pax.Length, null), cancellation).ConfigureAwait(false);
            await WriteAsync(pax, cancellation).ConfigureAwait(false);
            await PadAsync(pax.Length, cancellation).ConfigureAwait(false);
        }

        var header = TarHeaderBlock.Encode((byte)entry.Kind, entry.Name, Math.Min(entry.SizeBytes, MaxOctalSize), entry);
        await WriteAsync(header, cancellation).ConfigureAwait(false);
    }

    /// <summary>Content of the file whose header was written last. A file that is shorter now than its header says is an IOException.</summary>
    public async Task WriteContentAsync(SafeFileHandle file, long sizeBytes, IncrementalHash? hash, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            for (var at = 0L; at < sizeBytes;)
            {
                var wanted = (int)Math.Min(CopyBytes, sizeBytes - at);
                var count = await RandomAccess.ReadAsync(file, buffer.AsMemory(0, wanted), at, cancellation).ConfigureAwait(false);
                if (count == 0) throw new IOException("a file became shorter while it was archived");
                hash?.AppendData(buffer, 0, count);
                await WriteAsync(buffer.AsMemory(0, count), cancellation).ConfigureAwait(false);
                at += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        await PadAsync(sizeBytes, cancellation).ConfigureAwait(false);
    }

    /// <summary>The same for content in memory.</summary>
    public async Task WriteContentAsync(ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        await WriteAsync(content, cancellation).ConfigureAwait(false);
        await PadAsync(content.Length, cancellation).ConfigureAwait(false);
    }

    /// <summary>The archive's end mark.</summary>
    public ValueTask FinishAsync(CancellationToken cancellation) => WriteAsync(Zeros, cancellation);

    private ValueTask PadAsync(long bytes, CancellationToken cancellation) =>
        WriteAsync(Zeros.AsMemory(0, (int)((BlockBytes - (bytes % BlockBytes)) % BlockBytes)), cancellation);

    private ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        if ((_written += bytes.Length) > maxBytes) throw new TarFormatException($"the archive would be larger than {maxBytes} bytes");
        return output.WriteAsync(bytes, cancellation);
    }

    private static byte[] PaxOf(TarEntry entry)
    {
        var pax = new List<byte>();
        if (entry.Name.Length > TarHeaderBlock.NameBytes) AddRecord(pax, "path", entry.Name);
        if (entry.LinkTarget.Length > TarHeaderBlock.NameBytes) AddRecord(pax, "linkpath", entry.LinkTarget);
        if (entry.Uid > MaxOctalId) AddNumber(pax, "uid", entry.Uid);
        if (entry.Gid > MaxOctalId) AddNumber(pax, "gid", entry.Gid);
        if (entry.SizeBytes > MaxOctalSize) AddNumber(pax, "size", entry.SizeBytes);
        var time = entry.ModifyTime;
        if (time is { Seconds: >= 0, Nanoseconds: > 0 })
            AddRecord(pax, "mtime", Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{time.Seconds}.{time.Nanoseconds:d9}")));
        foreach (var (name, value) in entry.Xattrs) AddRecord(pax, "SCHILY.xattr." + Encoding.Latin1.GetString(name), value);
        return [.. pax];
    }

    private static void AddNumber(List<byte> pax, string key, long value) =>
        AddRecord(pax, key, Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)));

    /// <summary>"length key=value\n", the length's own digits counted.</summary>
    private static void AddRecord(List<byte> pax, string key, byte[] value)
    {
        var rest = key.Length + value.Length + 3; // space, =, newline
        var length = rest + Digits(rest);
        if (Digits(length) > Digits(rest)) length++;
        pax.AddRange(Encoding.Latin1.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{length} {key}=")));
        pax.AddRange(value);
        pax.Add((byte)'\n');
    }

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;
}
