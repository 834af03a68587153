using System.Collections.Immutable;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// From a reference to the documents of one image: manifest or index → this machine's manifest → config. Everything verified by digest.
/// </summary>
internal sealed class ImageResolver(ContentStore content, PlatformMatcher platform)
{
    private const int MaxDepth = 3;

    /// <param name="target">What the tag stands for, where the registry said so; null: what it answers with.</param>
    public async Task<ResolvedImage> ResolveAsync(
        RegistryClient client, ImageReference reference, Digest? target, CancellationToken cancellation)
    {
        try
        {
            return await WalkAsync(client, reference, target, cancellation).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            throw new RuntimeFault(FaultCode.FailedPrecondition, $"failed to pull image '{reference}': {e.Message}", e);
        }
    }

    private async Task<ResolvedImage> WalkAsync(
        RegistryClient client, ImageReference reference, Digest? target, CancellationToken cancellation)
    {
        var documents = ImmutableDictionary.CreateBuilder<Digest, byte[]>();
        var next = target;
        string? declared = null;
        for (var depth = 0; depth < MaxDepth; depth++)
        {
            var fetched = await FetchAsync(client, next, cancellation).ConfigureAwait(false);
            var digest = Digest.FromHash(System.Security.Cryptography.SHA256.HashData(fetched.Content));
            documents[digest] = fetched.Content;
            target ??= digest;
            if (declared is not null && fetched.MediaType is { } came && MediaTypes.IsIndex(came) != MediaTypes.IsIndex(declared))
                throw new InvalidDataException($"the index announced {declared} and the registry sent {came}");
            var document = ImageDocument.Parse(fetched.Content, declared ?? fetched.MediaType);
            if (document.Manifest is { } manifest)
                return await WithConfigAsync(client, (target.Value, digest, manifest), documents, cancellation).ConfigureAwait(false);
            var entry = platform.Choose(document.Index!.Manifests!) ?? throw NoPlatform(reference, document.Index);
            (next, declared) = (entry.Digest, entry.MediaType);
        }

        throw new InvalidDataException($"indexes are nested more than {MaxDepth} deep");
    }

    /// <summary>What this node has already is not fetched again.</summary>
    private async Task<FetchedManifest> FetchAsync(RegistryClient client, Digest? digest, CancellationToken cancellation)
    {
        if (digest is { } known && content.Read(known) is { } local) return new FetchedManifest(local, null);
        return await client.ManifestAsync(digest, cancellation).ConfigureAwait(false);
    }

    private async Task<ResolvedImage> WithConfigAsync(
        RegistryClient client,
        (Digest Target, Digest Digest, ImageManifest Content) manifest,
        ImmutableDictionary<Digest, byte[]>.Builder documents,
        CancellationToken cancellation)
    {
        var blob = manifest.Content.Config!;
        var layers = manifest.Content.Layers!;
        var bytes = content.Read(blob.Digest) ?? await client.SmallBlobAsync(blob, cancellation).ConfigureAwait(false);
        documents[blob.Digest] = bytes;
        var config = ImageDocument.ParseConfig(bytes, layers.Count);
        if (!platform.Runs(config))
            throw new InvalidDataException($"it is for {config.Os}/{config.Architecture}, and this node is {platform.Name}");
        return new ResolvedImage(manifest.Target, manifest.Digest, blob.Digest, config.Config ?? new ImageConfig(), documents.ToImmutable())
        {
            Layers = LayerPlans.Of(layers, config.Rootfs!.DiffIds),
        };
    }

    private RuntimeFault NoPlatform(ImageReference reference, ImageIndex index)
    {
        var platforms = index.Manifests!.Select(m => m.Platform).OfType<Platform>();
        var names = platforms.Select(p => $"{p.Os}/{p.Architecture}{(p.Variant is null ? "" : "/" + p.Variant)}").Distinct().Take(20);
        return RuntimeFault.NotFound(
            $"failed to pull image '{reference}': it has nothing for {platform.Name}, only {string.Join(", ", names)}");
    }
}

internal static class LayerPlans
{
    public static ImmutableArray<LayerPlan> Of(IReadOnlyList<Descriptor> blobs, IReadOnlyList<Digest> diffIds)
    {
        var chain = ChainId.Of(diffIds);
        return [.. blobs.Select((blob, i) => new LayerPlan(blob, diffIds[i], chain[..(i + 1)]))];
    }
}
