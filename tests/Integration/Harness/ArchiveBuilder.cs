using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Image archives for `shimctl image import`, sound ones to which a test adds what hurts.</summary>
public static class ArchiveBuilder
{
    /// <summary>An OCI layout of one image with this layer, under the name <paramref name="reference"/>.</summary>
    public static LayerBuilder OciLayout(LayerBuilder layer, string reference)
    {
        var blobs = new LayerBuilder();
        var (layerDigest, layerBytes) = Add(blobs, layer.Gzip());
        var config = new JsonObject
        {
            ["architecture"] = "amd64", ["os"] = "linux", ["config"] = new JsonObject(),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray(Digests.Of(layer.Tar())) },
        };
        var (configDigest, configBytes) = Add(blobs, Encoding.UTF8.GetBytes(config.ToJsonString()));
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2, ["mediaType"] = ImageBuilder.OciManifest,
            ["config"] = Descriptor(ImageBuilder.OciConfig, configDigest, configBytes),
            ["layers"] = new JsonArray(Descriptor(ImageBuilder.OciLayer + "+gzip", layerDigest, layerBytes)),
        };
        var (manifestDigest, manifestBytes) = Add(blobs, Encoding.UTF8.GetBytes(manifest.ToJsonString()));
        var entry = Descriptor(ImageBuilder.OciManifest, manifestDigest, manifestBytes);
        entry["annotations"] = new JsonObject { ["io.containerd.image.name"] = reference };
        var index = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = ImageBuilder.OciIndex, ["manifests"] = new JsonArray(entry) };
        return blobs.File("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}").File("index.json", index.ToJsonString());
    }

    /// <summary>A tar whose one file claims <paramref name="size"/> bytes and has none of them.</summary>
    public static byte[] Claiming(string name, long size)
    {
        var header = new byte[512];
        Encoding.ASCII.GetBytes(name, header);
        Encoding.ASCII.GetBytes("0000644", header.AsSpan(100));
        // base-256, as GNU tar writes numbers that octal digits can't hold.
        BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(128), size);
        header[124] = 0x80;
        header[156] = (byte)'0';
        Encoding.ASCII.GetBytes("ustar\000", header.AsSpan(257));
        header.AsSpan(148, 8).Fill((byte)' ');
        var sum = header.Sum(b => b);
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ", header.AsSpan(148));
        return [.. header, .. new byte[1024]];
    }

    private static (string Digest, int Size) Add(LayerBuilder blobs, byte[] content)
    {
        var digest = Digests.Of(content);
        blobs.File($"blobs/sha256/{digest["sha256:".Length..]}", content);
        return (digest, content.Length);
    }

    private static JsonObject Descriptor(string mediaType, string digest, int size) =>
        new() { ["mediaType"] = mediaType, ["digest"] = digest, ["size"] = size };
}
