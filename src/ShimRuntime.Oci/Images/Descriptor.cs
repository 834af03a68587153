namespace ShimRuntime.Oci;

/// <summary>Points at content: type, digest and size in bytes (image-spec descriptor.md).</summary>
public sealed record Descriptor
{
    public string MediaType { get; init; } = "";

    public Digest Digest { get; init; }

    public long Size { get; init; }

    public IReadOnlyList<string>? Urls { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    public Platform? Platform { get; init; }
}
