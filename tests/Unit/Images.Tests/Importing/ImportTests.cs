using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Importing;

public sealed class ImportTests : IAsyncLifetime
{
    private readonly ImageRoom _room = new();
    private readonly TestImage _image = new("import", Packing.Gzip, Packing.Plain);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _room.DisposeAsync();

    [Theory]
    [InlineData(Packing.Plain)]
    [InlineData(Packing.Gzip)]
    [InlineData(Packing.Zstd)]
    public async Task AnOciLayoutIsTakenInAnyPacking(Packing packing)
    {
        var record = Assert.Single(await ImportAsync(Layout(_image, "docker.io/library/app:v1"), packing: packing));
        Assert.Equal(_image.Id, record.Id);
        Assert.Equal(["docker.io/library/app:v1"], record.RepoTags.AsEnumerable());
        Assert.Equal([$"docker.io/library/app@{_image.ManifestDigest}"], record.RepoDigests.AsEnumerable());
        Assert.Equal(_image.Tars, record.ChainIds.Select(chain => _room.Layers.Committed[chain]));
        Assert.DoesNotContain(_room.Files(), f =>
            f.StartsWith("content/ingest", StringComparison.Ordinal) || f.StartsWith("leases", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ADockerArchiveIsTakenWithItsLinks()
    {
        var files = Docker(_image, "app:v1", "user/app:v2");
        files.Remove("l1/layer.tar");
        files.Add("l1.tar", _image.Tars[1]);
        var record = Assert.Single(await ImportAsync(files, links: [("l1/layer.tar", "../l1.tar")]));
        Assert.Equal(_image.Id, record.Id);
        Assert.Equal(["docker.io/library/app:v1", "docker.io/user/app:v2"], record.RepoTags.Order());
        Assert.Empty(record.RepoDigests);
        Assert.Equal(_image.Tars, record.ChainIds.Select(chain => _room.Layers.Committed[chain]));
    }

    [Fact]
    public async Task TheGivenReferenceIsTheOnlyName()
    {
        var record = Assert.Single(await ImportAsync(Docker(_image, "evil/name:v1"), "mine:v1"));
        Assert.Equal(["docker.io/library/mine:v1"], record.RepoTags.AsEnumerable());
        Assert.Null(_room.Images.Find("evil/name:v1"));
    }

    [Fact]
    public async Task AnArchiveCannotMoveANameThatIsTakenButItsImporterCan()
    {
        await ImportAsync(Docker(_image, "app:v1"));
        var other = new TestImage("other", Packing.Plain);
        var fault = await FaultAsync(() => ImportAsync(Docker(other, "app:v1")));
        Assert.Equal(FaultCode.AlreadyExists, fault.Code);
        Assert.Equal(_image.Id, _room.Images.Find("app:v1")!.Id);
        await ImportAsync(Docker(other, "app:v1"), "app:v1");
        Assert.Equal(other.Id, _room.Images.Find("app:v1")!.Id);
        await ImportAsync(Docker(other, "app:v1"));
    }

    [Fact]
    public async Task ABareTagIsNoNameAndAnImageWithoutOneIsStillFound()
    {
        var record = Assert.Single(await ImportAsync(Layout(_image, "latest")));
        Assert.Empty(record.RepoTags);
        Assert.NotNull(_room.Images.Find(_image.Id));
    }

    [Fact]
    public async Task ADigestIsNotOursToGive() =>
        Assert.Equal(FaultCode.InvalidArgument, (
            await FaultAsync(() => ImportAsync(Layout(_image, "app:v1"), $"app@{_image.ManifestDigest}"))).Code);

    [Fact]
    public async Task OfSeveralImagesTheNamedOneIsTaken()
    {
        var two = new TestImage("two", Packing.Plain);
        var files = Layout(_image, "app:one");
        foreach (var (name, content) in Layout(two, "app:two")) files.TryAdd(name, content);
        var index = JsonNode.Parse(files["index.json"])!;
        index["manifests"]!.AsArray().Add(JsonNode.Parse(Layout(two, "app:two")["index.json"])!["manifests"]![0]!.DeepClone());
        files["index.json"] = Encoding.UTF8.GetBytes(index.ToJsonString());
        Assert.Equal(FaultCode.InvalidArgument, (await FaultAsync(() => ImportAsync(files, "app:three"))).Code);
        Assert.Empty(_room.Images.List());
        Assert.Equal(two.Id, Assert.Single(await ImportAsync(files, "app:two")).Id);
        Assert.Equal(2, (await ImportAsync(files)).Count);
    }

    [Theory]
    [InlineData("../escape")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    [InlineData("a//b")]
    public async Task NamesThatLeadOutAreRefused(string name)
    {
        var files = Docker(_image, "app:v1");
        files[name] = [1];
        await RefusedAsync(files);
    }

    [Theory]
    [InlineData("manifest.json", "l0/layer.tar", "../../../etc/passwd")]
    [InlineData("manifest.json", "l0/layer.tar", "/etc/passwd")]
    [InlineData("manifest.json", "l0/layer.tar", "layer.tar")]
    public async Task LinksThatLeadOutOrRoundAreRefused(string keep, string link, string target)
    {
        var files = Docker(_image, "app:v1");
        files.Remove(link);
        Assert.True(files.ContainsKey(keep));
        Assert.Equal(FaultCode.InvalidArgument, (await FaultAsync(() => ImportAsync(files, links: [(link, target)]))).Code);
        Assert.Empty(_room.Files());
    }

    [Theory]
    [InlineData("index.json", "{}")]
    [InlineData("index.json", "[]")]
    [InlineData("oci-layout", "{\"imageLayoutVersion\":\"9\"}")]
    [InlineData("oci-layout", "null")]
    public async Task ALayoutThatIsNoneIsRefused(string name, string text)
    {
        var files = Layout(_image, "app:v1");
        files[name] = Encoding.UTF8.GetBytes(text);
        await RefusedAsync(files);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("[null]")]
    [InlineData("[{}]")]
    [InlineData("[{\"Config\":\"config.json\",\"Layers\":[]}]")]
    [InlineData("[{\"Config\":\"config.json\",\"Layers\":[null]}]")]
    [InlineData("[{\"Config\":\"none.json\",\"Layers\":[\"l0/layer.tar\",\"l1/layer.tar\"]}]")]
    [InlineData("[{\"Config\":\"config.json\",\"Layers\":[\"l0/layer.tar\",\"none.tar\"]}]")]
    [InlineData("[{\"Config\":\"config.json\",\"Layers\":[\"l0/layer.tar\"]}]")]
    [InlineData("[{\"Config\":\"config.json\",\"Layers\":[\"l1/layer.tar\",\"l0/layer.tar\"]}]")]
    [InlineData("[{\"Config\":\"config.json\",\"RepoTags\":[\"Bad Name\"],\"Layers\":[\"l0/layer.tar\",\"l1/layer.tar\"]}]")]
    public async Task ADockerArchiveThatIsNoneIsRefused(string manifest)
    {
        var files = Docker(_image, "app:v1");
        files["manifest.json"] = Encoding.UTF8.GetBytes(manifest);
        await RefusedAsync(files);
    }

    [Fact]
    public async Task ABlobThatIsNotItsDigestIsRefused()
    {
        var files = Layout(_image, "app:v1");
        files[$"blobs/sha256/{_image.Layers[1].Digest.Hex}"] = new byte[_image.Layers[1].Size];
        await RefusedAsync(files);
        files.Remove($"blobs/sha256/{_image.Layers[1].Digest.Hex}");
        await RefusedAsync(files);
    }

    [Fact]
    public async Task WhatIsNoArchiveIsRefused()
    {
        await RefusedAsync(new Dictionary<string, byte[]> { ["hello"] = [1] });
        foreach (var bytes in new byte[][] { [], [1, 2, 3], new byte[5000], [0x1F, 0x8B, 1, 2], Encoding.UTF8.GetBytes(
            new string('x', 3000)) })
            Assert.Equal(
                FaultCode.InvalidArgument, (await FaultAsync(() => _room.Images.ImportAsync(new MemoryStream(bytes), null, default))).Code);
        Assert.Empty(_room.Files());
    }

    [Fact]
    public async Task FewBytesThatNameOneDocumentManyTimesDoNotFillTheMemory()
    {
        var files = Layout(_image, "app:v1");
        var manifest = $"blobs/sha256/{_image.ManifestDigest.Hex}";
        var padded = (byte[])[.. files[manifest], .. Enumerable.Repeat((byte)' ', 3 << 20)];
        files[$"blobs/sha256/{TestImage.Hash(padded).Hex}"] = padded;
        var index = JsonNode.Parse(files["index.json"])!;
        var entry = index["manifests"]![0]!;
        (entry["digest"], entry["size"]) = (TestImage.Hash(padded).ToString(), padded.Length);
        for (var n = 0; n < 50; n++) index["manifests"]!.AsArray().Add(entry.DeepClone());
        files["index.json"] = Encoding.UTF8.GetBytes(index.ToJsonString());
        Assert.Contains("documents", (await FaultAsync(() => ImportAsync(files))).Message, StringComparison.Ordinal);
        await RefusedAsync(files);
    }

    [Fact]
    public async Task ALinkThatIsNoTextIsRefused()
    {
        var tar = new Layers.TarBuilder().Member((byte)'2', "link"u8.ToArray(), [0xff, 0xfe], 0x1ff, []);
        var fault = await FaultAsync(() => _room.Images.ImportAsync(new MemoryStream(tar.Build()), null, default));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
    }

    [Fact]
    public async Task AnImageFromScratchWithoutLayersIsOne()
    {
        var config = """{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}""";
        var record = Assert.Single(await ImportAsync(new Dictionary<string, byte[]>
        {
            ["config.json"] = Encoding.UTF8.GetBytes(config),
            ["manifest.json"] = """[{"Config":"config.json","RepoTags":["scratch:v1"],"Layers":[]}]"""u8.ToArray(),
        }));
        Assert.Empty(record.ChainIds);
        Assert.NotNull(_room.Images.Find("scratch:v1"));
    }

    private async Task RefusedAsync(Dictionary<string, byte[]> files)
    {
        Assert.Equal(FaultCode.InvalidArgument, (await FaultAsync(() => ImportAsync(files))).Code);
        Assert.Empty(_room.Images.List());
        await TestContext.EventuallyAsync(() => _room.Files().Count == 0, "an empty store after a refused archive");
    }

    private static Task<RuntimeFault> FaultAsync(Func<Task> import) => Assert.ThrowsAsync<RuntimeFault>(import);

    private Task<IReadOnlyList<ImageRecord>> ImportAsync(
        Dictionary<string, byte[]> files, string? reference = null, Packing packing = Packing.Plain, (
            string Name, string Target)[]? links = null)
    {
        using var memory = new MemoryStream();
        using (var tar = new TarWriter(memory, TarEntryFormat.Pax, true))
        {
            foreach (var (name, target) in links ?? [])
                tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = target });
            foreach (var (name, content) in files)
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
        }

        var archive = memory.ToArray();
        if (packing == Packing.Zstd) archive = new ZstdSharp.Compressor().Wrap(archive).ToArray();
        if (packing == Packing.Gzip)
        {
            using var packed = new MemoryStream();
            using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(archive);
            archive = packed.ToArray();
        }

        return _room.Images.ImportAsync(new MemoryStream(archive), reference, TestContext.Deadline());
    }

    private static Dictionary<string, byte[]> Layout(TestImage image, string name)
    {
        var files = image.Blobs.ToDictionary(b => $"blobs/sha256/{b.Key.Hex}", b => b.Value);
        files[$"blobs/sha256/{image.ManifestDigest.Hex}"] = image.ManifestBytes;
        var index = JsonNode.Parse(TestImage.Index((image, "linux/amd64")))!;
        index["manifests"]![0]!["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = name };
        files["index.json"] = Encoding.UTF8.GetBytes(index.ToJsonString());
        files["oci-layout"] = "{\"imageLayoutVersion\":\"1.0.0\"}"u8.ToArray();
        return files;
    }

    private static Dictionary<string, byte[]> Docker(TestImage image, params string[] names)
    {
        var files = image.Tars.Select((tar, i) => (Name: $"l{i}/layer.tar", Tar: tar)).ToDictionary(l => l.Name, l => l.Tar);
        files["config.json"] = image.Blobs[image.Config.Digest];
        files["manifest.json"] = Encoding.UTF8.GetBytes(new JsonArray(new JsonObject
        {
            ["Config"] = "config.json",
            ["RepoTags"] = new JsonArray([.. names.Select(n => (JsonNode)n)]),
            ["Layers"] = new JsonArray([.. image.Tars.Select((_, i) => (JsonNode)$"l{i}/layer.tar")]),
        }).ToJsonString());
        return files;
    }
}
