using System.Text;

namespace ShimRuntime.Images;

/// <summary>A ustar header block (POSIX.1-1988), made. What does not fit a field is cut there: a pax header before it says the whole.</summary>
internal static class TarHeaderBlock
{
    /// <summary>Of a name or a link's target, without ustar's prefix field.</summary>
    public const int NameBytes = 100;

    private const int ChecksumAt = 148;

    /// <param name="described">Owner, mode, time and device of the member; null: an extension header, which has none.</param>
    public static byte[] Encode(byte typeFlag, ReadOnlySpan<byte> name, long sizeBytes, TarEntry? described)
    {
        var block = new byte[TarInput.BlockBytes];
        name[..Math.Min(name.Length, NameBytes)].CopyTo(block);
        Octal(block, 100, 8, described?.Mode ?? 0x180);
        Octal(block, 108, 8, described?.Uid ?? 0);
        Octal(block, 116, 8, described?.Gid ?? 0);
        Octal(block, 124, 12, sizeBytes);
        Octal(block, 136, 12, Math.Max(0, described?.ModifyTime.Seconds ?? 0));
        block[156] = typeFlag;
        "ustar\0"u8.CopyTo(block.AsSpan(257));
        "00"u8.CopyTo(block.AsSpan(263));
        if (described is not null)
        {
            described.LinkTarget.AsSpan(0, Math.Min(described.LinkTarget.Length, NameBytes)).CopyTo(block.AsSpan(157));
            Octal(block, 329, 8, described.DeviceMajor);
            Octal(block, 337, 8, described.DeviceMinor);
        }

        block.AsSpan(ChecksumAt, 8).Fill((byte)' '); // the sum counts its own field so
        var sum = 0;
        foreach (var b in block) sum += b;
        Octal(block, ChecksumAt, 7, sum);
        return block;
    }

    /// <summary>Zero-padded digits and a NUL; only the low digits of what is too large.</summary>
    private static void Octal(byte[] block, int offset, int length, long value)
    {
        var digits = Convert.ToString(value, 8).PadLeft(length - 1, '0');
        Encoding.ASCII.GetBytes(digits.AsSpan(digits.Length - (length - 1)), block.AsSpan(offset));
        block[offset + length - 1] = 0;
    }
}
