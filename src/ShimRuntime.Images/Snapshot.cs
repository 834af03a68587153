using System.Collections.Immutable;

namespace ShimRuntime.Images;

/// <summary>A container's writable layer over an image: what one overlay mount is made of. Directories exist; nothing is mounted.</summary>
/// <param name="Key">Who holds it: the container id.</param>
/// <param name="LowerDirs">Top first, as overlayfs wants them. At least one.</param>
public sealed record Snapshot(string Key, ImmutableArray<string> LowerDirs, string UpperDir, string WorkDir)
{
    /// <summary>
    /// Lower directories of each image that the container mounts beside its own, in the order asked for. Never a lone layer: by itself it
    /// would show overlayfs's own marks, such as whiteouts.
    /// </summary>
    public ImmutableArray<ImmutableArray<string>> Mounted { get; init; } = [];
}
