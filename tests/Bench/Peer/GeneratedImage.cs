using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using ZstdSharp;

namespace ShimRuntime.Bench.Peer;

/// <summary>
/// An image made up for a pull: layers of files of 256 KiB whose content gzip takes to about 40 %, as it does the content of common images. No two are alike.
/// </summary>
/// <param name="LayerBytes">Of files; the tar is a little larger.</param>
/// <param name="Compression">gzip or zstd, as in the layer's media type.</param>
internal sealed record GeneratedImage(string Repository, int Layers, int LayerBytes, string Compression)
{
    private const int FileBytes = 256 << 10;
    private const int WordBytes = 16;
    private const int Words = 4096;
    private const int ZstdLevel = 3;

    /// <summary>Pushes it under the tag 1.</summary>
    public async Task PushAsync(BenchRegistry registry, CancellationToken cancellation)
    {
        JsonArray layers = [], diffIds = [];
        for (var i = 0; i < Layers; i++)
        {
            var tar = Tar(i);
            var blob = Compress(tar);
            diffIds.Add(BenchRegistry.DigestOf(tar));
            layers.Add(Descriptor($"application/vnd.oci.image.layer.v1.tar+{Compression}", await registry.PushBlobAsync(Repository, blob, cancellation), blob));
        }

        var config = JsonSerializer.SerializeToUtf8Bytes<JsonNode>(new JsonObject
        {
            ["architecture"] = "amd64", ["os"] = "linux", ["config"] = new JsonObject(),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = diffIds },
        });
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2, ["mediaType"] = BenchRegistry.ManifestType,
            ["config"] = Descriptor("application/vnd.oci.image.config.v1+json", await registry.PushBlobAsync(Repository, config, cancellation), config),
            ["layers"] = layers,
        };
        await registry.PushManifestAsync(Repository, JsonSerializer.SerializeToUtf8Bytes<JsonNode>(manifest), cancellation);
    }

    private static JsonObject Descriptor(string mediaType, string digest, byte[] blob) =>
        new() { ["mediaType"] = mediaType, ["digest"] = digest, ["size"] = blob.Length };

    private byte[] Tar(int layer)
    {
        var random = new Random((Compression.Length * 1000) + layer);
        var words = new byte[Words * WordBytes];
        random.NextBytes(words);
        var stream = new MemoryStream();
        using (var tar = new TarWriter(stream, TarEntryFormat.Pax, true))
        {
            for (var file = 0; file * FileBytes < LayerBytes; file++)
            {
                var content = Content(random, words, Math.Min(FileBytes, LayerBytes - (file * FileBytes)));
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"layer{layer}/file{file}") { DataStream = new MemoryStream(content), Mode = (UnixFileMode)0x1a4 });
            }
        }

        return stream.ToArray();
    }

    /// <summary>Words of a vocabulary, of which a quarter is spoilt: some of it repeats, some does not.</summary>
    private static byte[] Content(Random random, byte[] words, int length)
    {
        var content = new byte[length];
        for (var at = 0; at < length; at += WordBytes)
        {
            var room = content.AsSpan(at, Math.Min(WordBytes, length - at));
            if (random.Next(4) == 0) random.NextBytes(room);
            else words.AsSpan(random.Next(Words / 4) * WordBytes, room.Length).CopyTo(room);
        }

        return content;
    }

    private byte[] Compress(byte[] tar)
    {
        if (Compression == "zstd")
        {
            using var zstd = new Compressor(ZstdLevel);
            return zstd.Wrap(tar).ToArray();
        }

        var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest, true)) gzip.Write(tar);
        return output.ToArray();
    }
}
