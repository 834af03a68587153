namespace ShimRuntime.Oci;

/// <summary>OCI image index, and Docker's manifest list (image-spec image-index.md).</summary>
public sealed record ImageIndex
{
    public int SchemaVersion { get; init; }

    public string? MediaType { get; init; }

    public IReadOnlyList<Descriptor>? Manifests { get; init; }

    /// <summary>Never in an index: present, the document is a manifest in disguise (CVE-2021-41190).</summary>
    public Descriptor? Config { get; init; }

    /// <inheritdoc cref="Config"/>
    public IReadOnlyList<Descriptor>? Layers { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
}
