using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Reads an OCI image layout (image-spec image-layout.md). Every entry of index.json that runs here is an image. Throws
/// <see cref="InvalidDataException"/>.
/// </summary>
internal sealed class OciLayout(StagedArchive archive, PlatformMatcher platform)
{
    private const int MaxDepth = 3;
    private const string ContainerdName = "io.containerd.image.name";
    private const string RefName = "org.opencontainers.image.ref.name";

    public static bool IsOne(StagedArchive archive) => archive.Find("oci-layout") is not null && archive.Find("index.json") is not null;

    public IReadOnlyList<ArchivedImage> Images()
    {
        var version = JsonSerializer.Deserialize(archive.Document("oci-layout"), ArchiveJson.Default.OciLayoutFile)?.ImageLayoutVersion;
        if (version != "1.0.0") throw new InvalidDataException($"its image layout version is '{version}', not 1.0.0");
        var index = ImageDocument.Parse(archive.Document("index.json")!, MediaTypes.OciIndex).Index!;
        var here = index.Manifests!.Where(entry => entry.Platform is null || platform.Choose([entry]) is not null).ToList();
        var images = here.Select(Image).OfType<ArchivedImage>().ToList();
        return images.Count > 0 ? images : throw new InvalidDataException($"it has no image for {platform.Name}");
    }

    private ArchivedImage? Image(Descriptor entry)
    {
        var documents = ImmutableDictionary.CreateBuilder<Digest, byte[]>();
        var descriptor = entry;
        for (var depth = 0; depth < MaxDepth; depth++)
        {
            var content = Blob(descriptor);
            documents[descriptor.Digest] = content;
            var document = ImageDocument.Parse(content, descriptor.MediaType);
            if (document.Manifest is { } manifest) return Image(entry, descriptor.Digest, manifest, documents);
            if (platform.Choose(document.Index!.Manifests!) is not { } chosen) return null;
            descriptor = chosen;
        }

        throw new InvalidDataException($"indexes are nested more than {MaxDepth} deep");
    }

    private ArchivedImage? Image(
        Descriptor entry, Digest digest, ImageManifest manifest, ImmutableDictionary<Digest, byte[]>.Builder documents)
    {
        var bytes = Blob(manifest.Config!);
        documents[manifest.Config!.Digest] = bytes;
        var config = ImageDocument.ParseConfig(bytes, manifest.Layers!.Count);
        if (!platform.Runs(config)) return null;
        var image = new ResolvedImage(
            entry.Digest, digest, manifest.Config.Digest, config.Config ?? new ImageConfig(), documents.ToImmutable())
        {
            Layers = LayerPlans.Of(manifest.Layers, config.Rootfs!.DiffIds),
        };
        var files = manifest.Layers.DistinctBy(l => l.Digest).ToDictionary(layer => layer.Digest, File);
        return new ArchivedImage(Names(entry), image, files, true);
    }

    private byte[] Blob(Descriptor descriptor)
    {
        File(descriptor);
        return archive.Document(Path(descriptor))!;
    }

    private StagedFile File(Descriptor descriptor)
    {
        var file = archive.Find(Path(descriptor)) ?? throw new InvalidDataException($"blob {descriptor.Digest} is missing");
        if (file.Digest != descriptor.Digest || file.SizeBytes != descriptor.Size)
            throw new InvalidDataException($"blob {descriptor.Digest} has {file.SizeBytes} bytes with digest {file.Digest}");
        return file;
    }

    /// <summary>A bare tag ("latest") is what image-spec's annotation often holds: without a repository it names nothing.</summary>
    private static ImmutableArray<ImageReference> Names(Descriptor entry)
    {
        var annotations = entry.Annotations;
        var name = annotations?.GetValueOrDefault(ContainerdName) ?? annotations?.GetValueOrDefault(RefName);
        if (name is null || !name.AsSpan().ContainsAny(':', '/') || name.Contains('@')) return [];
        return ImageReference.TryParse(name, out var reference)
            ? [reference]
            : throw new InvalidDataException($"it names an image '{name}'");
    }

    private static string Path(Descriptor descriptor) => $"blobs/sha256/{descriptor.Digest.Hex}";
}

internal sealed record OciLayoutFile
{
    [JsonPropertyName("imageLayoutVersion")]
    public string? ImageLayoutVersion { get; init; }
}

/// <summary>One entry of docker-archive's manifest.json; the members are file names in the archive.</summary>
internal sealed record DockerArchiveEntry
{
    [JsonPropertyName("Config")]
    public string? Config { get; init; }

    [JsonPropertyName("RepoTags")]
    public IReadOnlyList<string>? RepoTags { get; init; }

    [JsonPropertyName("Layers")]
    public IReadOnlyList<string>? Layers { get; init; }
}

[JsonSourceGenerationOptions(AllowDuplicateProperties = false)]
[JsonSerializable(typeof(OciLayoutFile))]
[JsonSerializable(typeof(IReadOnlyList<DockerArchiveEntry>))]
internal sealed partial class ArchiveJson : JsonSerializerContext;
