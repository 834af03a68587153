using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>What a member of an archive is. The values are ustar's type flags.</summary>
internal enum TarEntryKind : byte
{
    File = (byte)'0',
    HardLink = (byte)'1',
    Symlink = (byte)'2',
    CharacterDevice = (byte)'3',
    BlockDevice = (byte)'4',
    Directory = (byte)'5',
    Fifo = (byte)'6',
}

/// <summary>An extended attribute as the archive has it: both halves are bytes.</summary>
internal readonly record struct TarXattr(byte[] Name, byte[] Value);

/// <summary>One member: its header with pax and GNU extensions applied. Names are raw bytes as written, unchecked.</summary>
internal sealed class TarEntry
{
    public required TarEntryKind Kind { get; init; }

    public required byte[] Name { get; init; }

    /// <summary>Text of a symbolic link, member name of a hard link's target; else empty.</summary>
    public required byte[] LinkTarget { get; init; }

    /// <summary>The low twelve mode bits.</summary>
    public required uint Mode { get; init; }

    public required uint Uid { get; init; }

    public required uint Gid { get; init; }

    public required FileTime ModifyTime { get; init; }

    /// <summary>Apparent size of a file in bytes, holes included; 0 for all others.</summary>
    public long SizeBytes { get; init; }

    public uint DeviceMajor { get; init; }

    public uint DeviceMinor { get; init; }

    public IReadOnlyList<TarXattr> Xattrs { get; init; } = [];
}

/// <summary>Content of the current file: these bytes stand at this offset. Valid until the reader's next call.</summary>
internal readonly record struct TarData(long Offset, ReadOnlyMemory<byte> Bytes);
