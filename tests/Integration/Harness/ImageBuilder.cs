using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>An image in the registry.</summary>
/// <param name="Reference">host:port/repository:tag.</param>
/// <param name="ManifestDigest">Of this platform's manifest.</param>
/// <param name="ConfigDigest">The image id.</param>
/// <param name="IndexDigest">Null when the tag names the manifest itself.</param>
public sealed record PushedImage(string Reference, string ManifestDigest, string ConfigDigest, string? IndexDigest)
{
    /// <summary>Reference without its tag.</summary>
    public string Repository => Reference[..Reference.LastIndexOf(':')];
}

/// <summary>Builds an image layer by layer and pushes it: OCI or Docker schema 2, gzip or plain, under an index or not.</summary>
public sealed class ImageBuilder
{
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    private readonly List<(byte[] Blob, string DiffId, string MediaType)> _layers = [];
    private readonly JsonObject _config = new() { ["Env"] = new JsonArray("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") };
    private bool _docker;
    private bool _index;

    public ImageBuilder Layer(LayerBuilder layer) => Add(layer.Gzip(), layer.Tar(), OciLayer + "+gzip");

    public ImageBuilder PlainLayer(LayerBuilder layer) => Add(layer.Tar(), layer.Tar(), OciLayer);

    /// <summary>A layer compressed by the zstd program.</summary>
    public async Task<ImageBuilder> ZstdLayerAsync(LayerBuilder layer)
    {
        var directory = Directory.CreateTempSubdirectory("srt-zstd-").FullName;
        var path = Path.Combine(directory, "layer.tar");
        await File.WriteAllBytesAsync(path, layer.Tar());
        await Command.ShellAsync($"zstd -q -3 '{path}'");
        var compressed = await File.ReadAllBytesAsync(path + ".zst");
        Directory.Delete(directory, true);
        return Add(compressed, layer.Tar(), OciLayer + "+zstd");
    }

    /// <summary>A layer whose diff-id in the config is a lie.</summary>
    public ImageBuilder LyingLayer(LayerBuilder layer) => Add(layer.Gzip(), [.. layer.Tar(), 0], OciLayer + "+gzip");

    /// <summary>A key of the image's config, such as User, Cmd, Entrypoint, WorkingDir, Volumes.</summary>
    public ImageBuilder With(string key, JsonNode value)
    {
        _config[key] = value;
        return this;
    }

    public ImageBuilder AsDocker()
    {
        _docker = true;
        return this;
    }

    /// <summary>The tag names an index: another architecture first, then ours.</summary>
    public ImageBuilder UnderIndex()
    {
        _index = true;
        return this;
    }

    public async Task<PushedImage> PushAsync(Registry registry, string repository, string tag = "1")
    {
        foreach (var layer in _layers) await registry.PushBlobAsync(repository, layer.Blob);
        var config = await PushConfigAsync(registry, repository, "amd64");
        var manifest = Manifest(config.Digest, config.Size);
        var digest = await registry.PushManifestAsync(repository, _index ? null : tag, manifest, _docker ? DockerManifest : OciManifest);
        string? index = null;
        if (_index)
        {
            var other = await PushConfigAsync(registry, repository, "s390x");
            var otherManifest = Manifest(other.Digest, other.Size);
            var otherDigest = await registry.PushManifestAsync(repository, null, otherManifest, OciManifest);
            var entries = new JsonArray(Entry(otherDigest, otherManifest.Length, "s390x"), Entry(digest, manifest.Length, "amd64"));
            var json = Bytes(new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = OciIndex, ["manifests"] = entries });
            index = await registry.PushManifestAsync(repository, tag, json, OciIndex);
        }

        return new PushedImage($"{registry.Host}/{repository}:{tag}", digest, config.Digest, index);
    }

    private static JsonObject Entry(string digest, int size, string architecture) => new()
    {
        ["mediaType"] = OciManifest,
        ["digest"] = digest,
        ["size"] = size,
        ["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = architecture },
    };

    private static byte[] Bytes(JsonNode node) => JsonSerializer.SerializeToUtf8Bytes(node);

    private async Task<(string Digest, int Size)> PushConfigAsync(Registry registry, string repository, string architecture)
    {
        var config = Bytes(new JsonObject
        {
            ["architecture"] = architecture,
            ["os"] = "linux",
            ["created"] = "2023-11-14T22:13:20Z",
            ["config"] = _config.DeepClone(),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray([.. _layers.Select(l => JsonValue.Create(l.DiffId))]) },
        });
        return (await registry.PushBlobAsync(repository, config), config.Length);
    }

    private byte[] Manifest(string configDigest, int configSize)
    {
        var layers = _layers.Select(l => (JsonNode)new JsonObject
        {
            ["mediaType"] = _docker ? DockerLayer : l.MediaType,
            ["digest"] = Digests.Of(l.Blob),
            ["size"] = l.Blob.Length,
        });
        return Bytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = _docker ? DockerManifest : OciManifest,
            ["config"] = new JsonObject { ["mediaType"] = _docker ? DockerConfig : OciConfig, ["digest"] = configDigest, ["size"] = configSize },
            ["layers"] = new JsonArray([.. layers]),
        });
    }

    private ImageBuilder Add(byte[] blob, byte[] tar, string mediaType)
    {
        _layers.Add((blob, Digests.Of(tar), mediaType));
        return this;
    }
}
