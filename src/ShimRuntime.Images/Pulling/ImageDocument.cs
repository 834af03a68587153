using System.Text.Json;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// A document that is an index or a manifest, never both: the type that the transport gave, the type that the document gives itself and its
/// shape must agree (CVE-2021-41190). Throws <see cref="InvalidDataException"/> with the rule that is broken.
/// </summary>
internal sealed record ImageDocument(ImageIndex? Index, ImageManifest? Manifest)
{
    public const int MaxLayers = 128;
    private const int MaxManifests = 1024;

    /// <param name="declared">Content-Type, or the descriptor's media type; null or a generic type: nothing was declared.</param>
    public static ImageDocument Parse(byte[] content, string? declared)
    {
        var shape = Read(content, ImageJson.Default.ImageManifest, "manifest");
        if (MediaTypes.IsSchema1(declared) || MediaTypes.IsSchema1(shape.MediaType) || shape.SchemaVersion == 1)
            throw new InvalidDataException(
                "it is a Docker schema 1 manifest, which has been retired; rebuild or push the image again with a current tool");
        if (shape.SchemaVersion != 2) throw new InvalidDataException($"its schemaVersion is {shape.SchemaVersion}, not 2");
        var known = MediaTypes.IsIndex(declared) || MediaTypes.IsManifest(declared) ? declared : null;
        if (known is not null && shape.MediaType is not null && shape.MediaType != known)
            throw new InvalidDataException($"it came as {known} and calls itself '{shape.MediaType}'");
        var type = known ?? shape.MediaType ?? (shape.Manifests is null ? MediaTypes.OciManifest : MediaTypes.OciIndex);
        if (MediaTypes.IsIndex(type)) return new ImageDocument(Checked(Read(content, ImageJson.Default.ImageIndex, "index")), null);
        if (MediaTypes.IsManifest(type)) return new ImageDocument(null, Checked(shape));
        throw new InvalidDataException($"'{type}' is neither an image manifest nor an index");
    }

    /// <summary>The config of a manifest: an image's, with as many diff ids as the manifest has layers.</summary>
    public static ImageConfigFile ParseConfig(byte[] content, int layers)
    {
        var config = Read(content, ImageJson.Default.ImageConfigFile, "config");
        if (config.Rootfs is not { Type: "layers", DiffIds: not null } rootfs)
            throw new InvalidDataException("the config has no rootfs of type 'layers'");
        if (rootfs.DiffIds.Any(d => d.Hex is null)) throw new InvalidDataException("the config has an empty diff id");
        if (rootfs.DiffIds.Count != layers)
            throw new InvalidDataException($"the config names {rootfs.DiffIds.Count} layers, the manifest {layers}");
        if (HasNull(config.Config)) throw new InvalidDataException("the config has null among its strings");
        return config;
    }

    private static ImageIndex Checked(ImageIndex index)
    {
        if (index.Config is not null || index.Layers is not null) throw new InvalidDataException("an index has neither config nor layers");
        if (index.Manifests is null or { Count: > MaxManifests })
            throw new InvalidDataException($"an index has 0…{MaxManifests} manifests");
        foreach (var entry in index.Manifests) Check(entry);
        return index;
    }

    private static ImageManifest Checked(ImageManifest manifest)
    {
        if (manifest.Manifests is not null) throw new InvalidDataException("a manifest has no manifests");
        if (manifest.Layers is null || manifest.Config is null) throw new InvalidDataException("a manifest has a config and layers");
        if (manifest.Layers.Count > MaxLayers) // none is right for an image from scratch that is only a config
            throw new InvalidDataException($"it has {manifest.Layers.Count} layers; 0…{MaxLayers} are taken");
        foreach (var descriptor in manifest.Layers.Prepend(manifest.Config)) Check(descriptor);
        if (!MediaTypes.IsConfig(manifest.Config.MediaType))
            throw new InvalidDataException(
                $"it is no container image: its config is '{manifest.ArtifactType ?? manifest.Config.MediaType}'");
        if (manifest.Config.Size > RegistryClient.MaxManifestBytes)
            throw new InvalidDataException($"its config is larger than {RegistryClient.MaxManifestBytes} bytes");
        if (manifest.Layers.FirstOrDefault(l => !MediaTypes.IsLayer(l.MediaType)) is { } odd)
            throw new InvalidDataException($"layer {odd.Digest} is of type '{odd.MediaType}'; tar, plain or with gzip or zstd, is taken");
        return manifest;
    }

    private static void Check(Descriptor? descriptor)
    {
        if (descriptor?.Digest.Hex is null || descriptor.MediaType is null)
            throw new InvalidDataException("a descriptor has no digest or no media type");
        if (descriptor.Size is < 0 or > 1L << 50) throw new InvalidDataException($"a descriptor gives a size of {descriptor.Size} bytes");
    }

    private static bool HasNull(ImageConfig? config) =>
        config is not null
        && ((config.Env?.Contains(null!) ?? false)
            || (config.Entrypoint?.Contains(null!) ?? false) || (config.Cmd?.Contains(null!) ?? false)
            || (config.Labels?.Values.Contains(null!) ?? false));

    private static T Read<T>(byte[] content, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, string what)
    {
        try
        {
            return JsonSerializer.Deserialize(content, type) ?? throw new InvalidDataException($"the {what} is null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"the {what} does not parse: {e.Message}", e);
        }
    }
}
