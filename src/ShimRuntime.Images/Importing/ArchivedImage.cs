using System.Collections.Immutable;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>One image of an archive, its documents verified and its layers found.</summary>
/// <param name="Names">Tags that the archive gives it; its own word, not yet believed.</param>
/// <param name="Layers">Each layer's file, by the digest of its blob.</param>
/// <param name="HasOwnManifest">False for docker-archive: its manifest is made here, and no registry knows its digest.</param>
internal sealed record ArchivedImage(
    ImmutableArray<ImageReference> Names, ResolvedImage Image, IReadOnlyDictionary<Digest, StagedFile> Layers, bool HasOwnManifest);
