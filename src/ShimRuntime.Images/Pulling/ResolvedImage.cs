using System.Collections.Immutable;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>Everything about an image but its layers' bytes: verified documents and what is to be applied, base first.</summary>
/// <param name="Target">Digest that the reference stands for: of the index, or of the manifest where there is none.</param>
/// <param name="Documents">Index (or indexes), manifest and config, to be kept.</param>
/// <param name="ConfigDigest">The image's id.</param>
internal sealed record ResolvedImage(
    Digest Target,
    Digest Manifest,
    Digest ConfigDigest,
    ImageConfig Config,
    ImmutableDictionary<Digest, byte[]> Documents)
{
    public required ImmutableArray<LayerPlan> Layers { get; init; }

    /// <summary>Compressed layers, config and manifest, in bytes.</summary>
    public long SizeBytes => Layers.Sum(l => l.Blob.Size) + Documents[ConfigDigest].Length + Documents[Manifest].Length;

    public ImmutableArray<Digest> ChainIds => Layers.IsEmpty ? [] : Layers[^1].Chain;
}

/// <summary>One layer to be there: how it is fetched, what it unpacks to, and the chain that it ends.</summary>
/// <param name="Chain">Chain ids base first, this layer's last.</param>
internal sealed record LayerPlan(Descriptor Blob, Digest DiffId, ImmutableArray<Digest> Chain)
{
    public Digest ChainId => Chain[^1];
}
