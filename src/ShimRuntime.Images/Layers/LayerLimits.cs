namespace ShimRuntime.Images;

/// <summary>
/// How much one layer archive may ask for. Far above what images hold (the largest known have some 500,000 entries), far below what would
/// exhaust a node's memory; each is named in the error that it causes.
/// </summary>
public sealed record LayerLimits
{
    /// <summary>Archive members, whiteouts included.</summary>
    public int MaxEntries { get; init; } = 2_000_000;

    /// <summary>
    /// Directories, also those that a member's name only implies. About 150 bytes of memory each while a layer is unpacked.
    /// </summary>
    public int MaxDirectories { get; init; } = 400_000;

    /// <summary>Bytes of one member name or link target (PATH_MAX without its NUL).</summary>
    public int MaxNameBytes { get; init; } = 4095;

    /// <summary>Components in one member name.</summary>
    public int MaxDepth { get; init; } = 256;

    /// <summary>Bytes of one pax header, and of one entry's extended attributes.</summary>
    public int MaxPaxBytes { get; init; } = 1 << 20;

    /// <summary>Apparent bytes of one file, holes included.</summary>
    public long MaxFileBytes { get; init; } = 1L << 40;

    /// <summary>Bytes of the whole archive, uncompressed.</summary>
    public long MaxTotalBytes { get; init; } = 256L << 30;

    /// <summary>Data regions of one sparse file.</summary>
    public int MaxSparseRegions { get; init; } = 1 << 18;

    /// <summary>Hard links whose target is in a lower layer; each holds a descriptor until the commit.</summary>
    public int MaxLowerLinks { get; init; } = 256;
}
