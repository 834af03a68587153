using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Deletions: in an archive names that begin with ".wh." (image-spec layer.md, "Whiteouts"), in overlayfs a character device 0/0.
/// </summary>
internal static class Whiteout
{
    private static ReadOnlySpan<byte> Prefix => ".wh."u8;

    private static ReadOnlySpan<byte> MetadataPrefix => ".wh..wh."u8;

    /// <summary>Marks a directory whose lower contents are hidden; its value is "y".</summary>
    public static ReadOnlySpan<byte> OpaqueXattr => "trusted.overlay.opaque"u8;

    public static bool HasPrefix(FileName name) => name.Bytes.StartsWith(Prefix);

    /// <summary>".wh..wh..opq": the directory that holds it is opaque.</summary>
    public static bool IsOpaqueMark(FileName name) => name.Bytes.SequenceEqual(".wh..wh..opq"u8);

    /// <summary>AUFS's own book-keeping (".wh..wh.plnk", ".wh..wh.aufs", ".wh..wh.orph"): no content.</summary>
    public static bool IsAufsMetadata(FileName name) => name.Bytes.StartsWith(MetadataPrefix) && !IsOpaqueMark(name);

    /// <summary>The deleted name of ".wh.&lt;name&gt;". Throws for what is no name: ".wh.", ".wh..", ".wh...".</summary>
    public static FileName Target(FileName name) =>
        FileName.TryCreate(name.Bytes[Prefix.Length..], out var target)
            ? target
            : throw new TarFormatException($"whiteout '{name}' deletes no possible name");
}
