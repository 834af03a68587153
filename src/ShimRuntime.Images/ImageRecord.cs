using System.Collections.Immutable;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// One image as CRI sees it, immutable and swapped whole. <see cref="Id"/> (the config's digest, "sha256:…") is the one string that
/// Image.id, PullImageResponse.image_ref and Container.image_id carry.
/// </summary>
public sealed record ImageRecord
{
    public required string Id { get; init; }

    /// <summary>Manifests (of this platform) that name this config, and so are pinned with it.</summary>
    public required ImmutableArray<Digest> Manifests { get; init; }

    /// <summary>Normalised: docker.io/library/busybox:1.36.</summary>
    public ImmutableArray<string> RepoTags { get; init; } = [];

    /// <summary>Normalised: registry.k8s.io/pause@sha256:….</summary>
    public ImmutableArray<string> RepoDigests { get; init; } = [];

    /// <summary>Compressed layers + config + manifest, in bytes.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Chain ids of the layers (image-spec config.md), base first: keys of the committed snapshots.</summary>
    public required ImmutableArray<Digest> ChainIds { get; init; }

    public required ImageConfig Config { get; init; }

    public bool Pinned { get; init; }

    public DateTimeOffset PulledAt { get; init; }
}
