namespace ShimRuntime.Images;

/// <summary>A 512-byte header block (POSIX.1-1988 ustar, GNU and v7 variants), field by field; nothing is interpreted yet.</summary>
internal readonly ref struct TarHeader
{
    private readonly ReadOnlySpan<byte> _block;

    /// <summary>Throws <see cref="TarFormatException"/> when the checksum is wrong.</summary>
    public TarHeader(ReadOnlySpan<byte> block)
    {
        _block = block;
        CheckSum();
    }

    public byte TypeFlag => _block[156];

    public uint Mode => (uint)TarNumber.ParseField(_block.Slice(100, 8), "mode") & 0xFFF;

    public long Uid => TarNumber.ParseField(_block.Slice(108, 8), "uid");

    public long Gid => TarNumber.ParseField(_block.Slice(116, 8), "gid");

    public long SizeBytes => TarNumber.ParseField(_block.Slice(124, 12), "size");

    public long ModifySeconds => TarNumber.ParseField(_block.Slice(136, 12), "mtime");

    public ReadOnlySpan<byte> LinkTarget => Text(157, 100);

    public long DeviceMajor => TarNumber.ParseField(_block.Slice(329, 8), "device major");

    public long DeviceMinor => TarNumber.ParseField(_block.Slice(337, 8), "device minor");

    /// <summary>GNU headers keep times and the sparse map where ustar has the name's prefix.</summary>
    public bool IsGnu => _block.Slice(257, 8).SequenceEqual("ustar  \0"u8);

    public bool IsUstar => _block.Slice(257, 6).SequenceEqual("ustar\0"u8);

    /// <summary>Four (offset, size) pairs, the "more follow" flag and the real size, of an old GNU sparse member.</summary>
    public ReadOnlySpan<byte> GnuSparse => _block.Slice(386, 109);

    public byte[] Name()
    {
        var name = Text(0, 100);
        var prefix = IsUstar ? Text(345, 155) : default;
        return prefix.IsEmpty ? name.ToArray() : [.. prefix, (byte)'/', .. name];
    }

    private ReadOnlySpan<byte> Text(int offset, int length)
    {
        var field = _block.Slice(offset, length);
        var end = field.IndexOf((byte)0);
        return end < 0 ? field : field[..end];
    }

    // The sum counts its own field as spaces. Some old writers summed signed bytes.
    private void CheckSum()
    {
        const int at = 148, length = 8;
        long unsigned = 0, signed = 0;
        for (var i = 0; i < _block.Length; i++)
        {
            var b = i is >= at and < at + length ? (byte)' ' : _block[i];
            unsigned += b;
            signed += (sbyte)b;
        }

        var stored = TarNumber.ParseField(_block.Slice(at, length), "checksum");
        if (stored != unsigned && stored != signed)
        {
            throw new TarFormatException("a header's checksum is wrong: this is not a tar archive, or it is damaged");
        }
    }
}
