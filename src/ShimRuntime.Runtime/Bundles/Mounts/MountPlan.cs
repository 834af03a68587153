using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>The mounts of one container, and what must be made on the host before they work.</summary>
/// <param name="RootfsPropagation">rslave or rshared when a mount needs it; null: runc's rprivate.</param>
internal sealed record MountPlan(
    IReadOnlyList<MountSpec> Mounts,
    string? RootfsPropagation,
    IReadOnlyList<string> MissingHostDirectories,
    IReadOnlyList<ImageVolume> Volumes,
    IReadOnlyList<IdmappedBind> IdmappedBinds);
