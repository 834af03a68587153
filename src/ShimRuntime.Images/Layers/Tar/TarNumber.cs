namespace ShimRuntime.Images;

/// <summary>Numbers in tar headers: octal text, or GNU's base-256 for what octal can't hold.</summary>
internal static class TarNumber
{
    /// <summary>A numeric field of a header block. Blank is 0, as all readers have it.</summary>
    public static long ParseField(ReadOnlySpan<byte> field, string name)
    {
        if ((field[0] & 0x80) != 0) return ParseBase256(field, name);
        var text = field.Trim(" \0"u8);
        var end = text.IndexOfAny((byte)' ', (byte)0);
        if (end >= 0) text = text[..end];
        var value = 0L;
        foreach (var digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'7' || value >> 60 != 0)
            {
                throw new TarFormatException($"the header's {name} is not an octal number");
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return value;
    }

    /// <summary>Plain decimal digits of a pax record or a sparse map, 0…2^63−1.</summary>
    public static long ParseDecimal(ReadOnlySpan<byte> text, string name)
    {
        if (text.IsEmpty || text.Length > 19 || text.ContainsAnyExceptInRange((byte)'0', (byte)'9')) throw NotDecimal(name);
        var value = 0UL;
        foreach (var digit in text) value = (value * 10) + (uint)(digit - '0');
        return value <= long.MaxValue ? (long)value : throw NotDecimal(name);
    }

    // Two's complement, big-endian; the marker bit of the first byte is not part of the value.
    private static long ParseBase256(ReadOnlySpan<byte> field, string name)
    {
        var negative = (field[0] & 0x40) != 0;
        var value = negative ? -1L : 0L;
        for (var i = 0; i < field.Length; i++)
        {
            var b = i > 0 ? field[i] : negative ? (byte)(field[0] | 0x80) : (byte)(field[0] & 0x7f);
            if (value >> 55 is not (0 or -1)) throw new TarFormatException($"the header's {name} exceeds 64 bits");
            value = (value << 8) | b;
        }

        return value;
    }

    private static TarFormatException NotDecimal(string name) => new($"{name} is not a decimal number below 2^63");
}
