namespace ShimRuntime.Oci;

/// <summary>OCI image manifest, and Docker's schema 2, which has the same shape (image-spec manifest.md).</summary>
public sealed record ImageManifest
{
    public int SchemaVersion { get; init; }

    public string? MediaType { get; init; }

    public string? ArtifactType { get; init; }

    public Descriptor? Config { get; init; }

    public IReadOnlyList<Descriptor>? Layers { get; init; }

    /// <summary>Never in a manifest: present, the document is an index in disguise (CVE-2021-41190).</summary>
    public IReadOnlyList<Descriptor>? Manifests { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
}
