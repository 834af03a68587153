using System.Globalization;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Streams a tar archive: ustar, pax (POSIX.1-2001) and GNU, with long names, binary extended attributes, base-256 numbers and all four
/// sparse formats. Everything it holds is bounded by <see cref="LayerLimits"/>; where readers in the field disagree about a malformed
/// archive it refuses, so that a layer never looks different to a scanner. Throws <see cref="TarFormatException"/>.
/// </summary>
/// <remarks>
/// One loop: header block → extension (kept for the next member) or member → its data by <see cref="ReadDataAsync"/>; what the caller
/// leaves of it is skipped. The archive ends at two zero blocks, or at the end of the stream between members.
/// </remarks>
internal sealed partial class TarReader(TarInput input, LayerLimits limits)
{
    private readonly byte[] _block = new byte[TarInput.BlockBytes];
    private int _entries;

    /// <summary>The next member; null at the archive's end.</summary>
    public async ValueTask<TarEntry?> NextAsync()
    {
        await FinishDataAsync().ConfigureAwait(false);
        var extensions = new Extensions();
        while (await ReadHeaderAsync(extensions).ConfigureAwait(false))
        {
            if (await ReadExtensionAsync(extensions).ConfigureAwait(false)) continue;
            if (++_entries > limits.MaxEntries) throw new TarFormatException($"the archive has more than {limits.MaxEntries} entries");
            return await ReadMemberAsync(extensions).ConfigureAwait(false);
        }

        return null;
    }

    private async ValueTask<bool> ReadHeaderAsync(Extensions extensions)
    {
        var atEnd = !await input.ReadAsync(_block).ConfigureAwait(false) || await IsEndMarkAsync().ConfigureAwait(false);
        if (atEnd && !extensions.IsEmpty) throw new TarFormatException("the archive ends after an extension header");
        return !atEnd;
    }

    /// <summary>
    /// Two zero blocks; the second may be cut off. Behind a single one some readers go on and some stop, so members there would be seen by
    /// the ones and not by the others.
    /// </summary>
    private async ValueTask<bool> IsEndMarkAsync()
    {
        if (_block.AsSpan().ContainsAnyExcept((byte)0)) return false;
        if (await input.ReadAsync(_block).ConfigureAwait(false) && _block.AsSpan().ContainsAnyExcept((byte)0))
            throw new TarFormatException("the archive goes on after a single zero block");
        return true;
    }

    private async ValueTask<TarEntry> ReadMemberAsync(Extensions extensions)
    {
        var flag = _block[156];
        var dataBytes = DataBytes(flag, extensions);
        var sparse = flag switch
        {
            (byte)'S' => await ReadGnuSparseAsync(dataBytes).ConfigureAwait(false),
            (byte)'0' or 0 or (byte)'7' => await ReadPaxSparseAsync(extensions.Pax, dataBytes).ConfigureAwait(false),
            _ => null,
        };
        var entry = Build(extensions, sparse, dataBytes);
        BeginData(entry.Kind == TarEntryKind.File ? dataBytes : 0, sparse);
        return entry;
    }

    /// <summary>
    /// Bytes that follow the header. Members without content have none whatever their size field says: old writers put a link's target's
    /// size there, and the readers that other runtimes use all pass over it.
    /// </summary>
    private long DataBytes(byte flag, Extensions extensions)
    {
        if (flag is >= (byte)'1' and <= (byte)'6') return 0;
        var size = extensions.Pax.Find("size") is { Length: > 0 } text
            ? TarNumber.ParseDecimal(text, "a pax size")
            : new TarHeader(_block).SizeBytes;
        return size >= 0 ? size : throw new TarFormatException("a member has a negative size");
    }

    private TarEntry Build(Extensions extensions, SparseMap? sparse, long dataBytes)
    {
        var header = new TarHeader(_block);
        var name = extensions.Name(header.Name(), sparse is not null);
        var kind = Kind(header, name);
        var size = sparse?.RealSizeBytes ?? dataBytes;
        if (size > limits.MaxFileBytes)
        {
            throw new TarFormatException($"file '{PathBytes.Display(name)}' is larger than {limits.MaxFileBytes} bytes");
        }

        var isDevice = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice;
        return new TarEntry
        {
            Kind = kind,
            Name = name,
            LinkTarget = kind is TarEntryKind.HardLink or TarEntryKind.Symlink ? extensions.LinkTarget(header.LinkTarget.ToArray()) : [],
            Mode = header.Mode,
            Uid = Id(extensions, "uid", header.Uid),
            Gid = Id(extensions, "gid", header.Gid),
            ModifyTime = extensions.Attribute("mtime") is { } text ? PaxTime.Parse(text) : new FileTime(header.ModifySeconds, 0),
            SizeBytes = kind == TarEntryKind.File ? size : 0,
            DeviceMajor = isDevice ? DeviceNumber(header.DeviceMajor) : 0,
            DeviceMinor = isDevice ? DeviceNumber(header.DeviceMinor) : 0,
            Xattrs = extensions.Xattrs(),
        };
    }

    private static TarEntryKind Kind(TarHeader header, ReadOnlySpan<byte> name) => header.TypeFlag switch
    {
        // Before ustar a directory was a file whose name ends in a slash.
        0 when name.EndsWith((byte)'/') => TarEntryKind.Directory,
        0 or (byte)'0' or (byte)'7' or (byte)'S' => TarEntryKind.File,
        >= (byte)'1' and <= (byte)'6' => (TarEntryKind)header.TypeFlag,
        var flag => throw new TarFormatException(string.Create(CultureInfo.InvariantCulture,
            $"member '{PathBytes.Display(name)}' has type flag 0x{flag:x2}, which no image layer uses")),
    };

    // 2^32 − 1 means "leave as it is" to chown(2), so it is no id.
    private static uint Id(Extensions extensions, string key, long fromHeader)
    {
        var id = extensions.Attribute(key) is { } text ? TarNumber.ParseDecimal(text, $"a pax {key}") : fromHeader;
        return id is >= 0 and < uint.MaxValue
            ? (uint)id
            : throw new TarFormatException($"a member's {key} {id} is not between 0 and 4294967294");
    }

    // The kernel's dev_t has 12 bits of major and 20 of minor.
    private static uint DeviceNumber(long number) =>
        number is >= 0 and < 1 << 20 ? (uint)number : throw new TarFormatException($"a device number {number} is out of range");
}
