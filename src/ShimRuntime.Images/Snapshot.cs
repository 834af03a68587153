using System.Collections.Immutable;

namespace ShimRuntime.Images;

/// <summary>A container's writable layer over an image: what one overlay mount is made of. Directories exist; nothing is mounted.</summary>
/// <param name="Key">Who holds it: the container id.</param>
/// <param name="LowerDirs">Top first, as overlayfs wants them. At least one.</param>
public sealed record Snapshot(string Key, ImmutableArray<string> LowerDirs, string UpperDir, string WorkDir);
