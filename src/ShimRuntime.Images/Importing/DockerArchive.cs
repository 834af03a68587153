using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Reads what `docker save` writes: manifest.json with the names of configs and layer tars. The format has no OCI manifest; one is made of
/// what is there, so that an imported image is held together like a pulled one. Throws <see cref="InvalidDataException"/>.
/// </summary>
internal sealed class DockerArchive(StagedArchive archive, PlatformMatcher platform)
{
    private const int MaxImages = 256;

    public static bool IsOne(StagedArchive archive) => archive.Find("manifest.json") is not null;

    public IReadOnlyList<ArchivedImage> Images()
    {
        var entries = JsonSerializer.Deserialize(archive.Document("manifest.json"), ArchiveJson.Default.IReadOnlyListDockerArchiveEntry);
        if (entries is null or { Count: 0 or > MaxImages })
            throw new InvalidDataException($"manifest.json names {entries?.Count ?? 0} images; 1…{MaxImages} are taken");
        return [.. entries.Select(Image)];
    }

    private ArchivedImage Image(DockerArchiveEntry? entry)
    {
        if (entry?.Config is null || entry.Layers is not { Count: <= ImageDocument.MaxLayers } || entry.Layers.Contains(null!))
            throw new InvalidDataException($"an entry of manifest.json has no config or not 0…{ImageDocument.MaxLayers} layers");
        var bytes = archive.Document(entry.Config) ?? throw new InvalidDataException($"config '{entry.Config}' is missing");
        var config = ImageDocument.ParseConfig(bytes, entry.Layers.Count);
        if (!platform.Runs(config))
            throw new InvalidDataException($"it is for {config.Os}/{config.Architecture}, and this node is {platform.Name}");
        var files = entry.Layers.Select(
            name => archive.Find(name) ?? throw new InvalidDataException($"layer '{name}' is missing")).ToList();
        var configBlob = new Descriptor { MediaType = MediaTypes.OciConfig, Digest = Hash(bytes), Size = bytes.Length };
        var manifest = new ImageManifest
        {
            SchemaVersion = 2,
            MediaType = MediaTypes.OciManifest,
            Config = configBlob,
            Layers = [.. files.Select(Layer)],
        };
        var written = JsonSerializer.SerializeToUtf8Bytes(manifest, ImageJson.Default.ImageManifest);
        var documents = ImmutableDictionary<Digest, byte[]>.Empty.Add(configBlob.Digest, bytes).SetItem(Hash(written), written);
        var image = new ResolvedImage(Hash(written), Hash(written), configBlob.Digest, config.Config ?? new ImageConfig(), documents)
        {
            Layers = LayerPlans.Of(manifest.Layers, config.Rootfs!.DiffIds),
        };
        return new ArchivedImage(Names(entry), image, files.DistinctBy(f => f.Digest).ToDictionary(f => f.Digest), false);
    }

    private static ImmutableArray<ImageReference> Names(DockerArchiveEntry entry) =>
    [
        .. (entry.RepoTags ?? []).Select(name => ImageReference.TryParse(name, out var reference) && reference.Digest is null
            ? reference
            : throw new InvalidDataException($"it names an image '{name}'")),
    ];

    private static Descriptor Layer(StagedFile file) =>
        new() { MediaType = MediaTypes.OciLayer, Digest = file.Digest, Size = file.SizeBytes };

    private static Digest Hash(byte[] content) => Digest.FromHash(SHA256.HashData(content));
}
