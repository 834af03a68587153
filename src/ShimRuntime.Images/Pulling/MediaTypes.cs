namespace ShimRuntime.Images;

/// <summary>Media types of OCI (image-spec media-types.md) and of Docker's schema 2 that mean the same.</summary>
internal static class MediaTypes
{
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    private const string DockerSchema1 = "application/vnd.docker.distribution.manifest.v1";
    private static readonly string[] LayerPrefixes =
    [
        OciLayer,
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ];

    public static IReadOnlyList<string> AcceptedManifests { get; } = [OciIndex, OciManifest, DockerList, DockerManifest];

    public static bool IsIndex(string? type) => type is OciIndex or DockerList;

    public static bool IsManifest(string? type) => type is OciManifest or DockerManifest;

    public static bool IsSchema1(string? type) => type?.StartsWith(DockerSchema1, StringComparison.Ordinal) == true;

    public static bool IsConfig(string? type) => type is OciConfig or DockerConfig;

    /// <summary>
    /// A tar, plain or compressed by gzip or zstd. How it is compressed is read from its bytes: the label is often wrong, digests never
    /// are.
    /// </summary>
    public static bool IsLayer(string type) =>
        LayerPrefixes.Any(prefix =>
            type.StartsWith(prefix, StringComparison.Ordinal) && type[prefix.Length..] is "" or "+gzip" or ".gzip" or "+zstd" or ".zstd");
}
