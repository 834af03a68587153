using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ShimRuntime.Oci;

namespace ShimRuntime.Images.Tests.Support;

public enum Packing
{
    Plain,
    Gzip,
    Zstd,
}

/// <summary>A small image with real tar layers: blobs by digest, a config and a manifest, as a registry would hold them.</summary>
public sealed class TestImage
{
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";

    public TestImage(string seed, params Packing[] layers) : this(seed, "amd64", 200, layers)
    {
    }

    public TestImage(string seed, string architecture, int fileBytes, params Packing[] layers)
    {
        Tars = [.. layers.Select((_, i) => Tar($"{seed}-{i}", fileBytes))];
        Layers = [.. layers.Select((packing, i) => Add(Pack(Tars[i], packing), LayerType(packing)))];
        var config = new JsonObject
        {
            ["architecture"] = architecture,
            ["os"] = "linux",
            ["config"] = new JsonObject { ["Cmd"] = new JsonArray("/bin/" + seed), ["Env"] = new JsonArray("PATH=/bin") },
            ["rootfs"] = new JsonObject
            {
                ["type"] = "layers", ["diff_ids"] = new JsonArray(
                [.. Tars.Select(t => (JsonNode)Hash(t).ToString())])
            },
        };
        Config = Add(Encoding.UTF8.GetBytes(config.ToJsonString()), "application/vnd.oci.image.config.v1+json");
        ManifestBytes = Encoding.UTF8.GetBytes(Manifest(OciManifest).ToJsonString());
    }

    public Dictionary<Digest, byte[]> Blobs { get; } = [];

    public IReadOnlyList<byte[]> Tars { get; }

    public IReadOnlyList<Descriptor> Layers { get; }

    public Descriptor Config { get; }

    public byte[] ManifestBytes { get; set; }

    public Digest ManifestDigest => Hash(ManifestBytes);

    public string Id => Config.Digest.ToString();

    public JsonObject Manifest(string? mediaType) => new()
    {
        ["schemaVersion"] = 2,
        ["mediaType"] = mediaType,
        ["config"] = Json(Config),
        ["layers"] = new JsonArray([.. Layers.Select(l => (JsonNode)Json(l))]),
    };

    public static JsonObject Json(Descriptor descriptor) =>
        new() { ["mediaType"] = descriptor.MediaType, ["digest"] = descriptor.Digest.ToString(), ["size"] = descriptor.Size };

    /// <summary>An index of manifests with their platforms, "os/arch" or "os/arch/variant".</summary>
    public static byte[] Index(params (TestImage Image, string? Platform)[] entries)
    {
        var manifests = entries.Select(entry =>
        {
            var json = Json(
                new Descriptor { MediaType = OciManifest, Digest = entry.Image.ManifestDigest, Size = entry.Image.ManifestBytes.Length });
            if (entry.Platform?.Split('/') is [var os, var architecture, .. var rest])
                json["platform"] = new JsonObject { ["os"] = os, ["architecture"] = architecture, ["variant"] = rest.FirstOrDefault() };
            return (JsonNode)json;
        });
        return Encoding.UTF8.GetBytes(
            new JsonObject
            {
                ["schemaVersion"] = 2, ["mediaType"] = OciIndex, ["manifests"] = new JsonArray(
                [.. manifests])
            }.ToJsonString());
    }

    public static Digest Hash(byte[] content) => Digest.FromHash(SHA256.HashData(content));

    private Descriptor Add(byte[] content, string mediaType)
    {
        Blobs[Hash(content)] = content;
        return new Descriptor { MediaType = mediaType, Digest = Hash(content), Size = content.Length };
    }

    private static byte[] Tar(string name, int fileBytes)
    {
        var bytes = new byte[fileBytes];
        new Random(name.Sum(c => c)).NextBytes(bytes);
        using var memory = new MemoryStream();
        using (var tar = new TarWriter(memory, TarEntryFormat.Pax, true))
            tar.WriteEntry(new PaxTarEntry(
                TarEntryType.RegularFile, name)
            { DataStream = new MemoryStream(bytes), ModificationTime = DateTimeOffset.UnixEpoch });
        return memory.ToArray();
    }

    private static byte[] Pack(byte[] tar, Packing packing)
    {
        if (packing == Packing.Plain) return tar;
        if (packing == Packing.Zstd) return new ZstdSharp.Compressor().Wrap(tar).ToArray();
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Fastest)) gzip.Write(tar);
        return memory.ToArray();
    }

    private static string LayerType(Packing packing) => "application/vnd.oci.image.layer.v1.tar" + packing switch
    {
        Packing.Gzip => "+gzip",
        Packing.Zstd => "+zstd",
        _ => "",
    };
}
