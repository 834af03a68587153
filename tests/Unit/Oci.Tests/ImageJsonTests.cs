using System.Text.Json;
using Xunit;

namespace ShimRuntime.Oci.Tests;

public class ImageJsonTests
{
    private static readonly string Hex = new('b', 64);

    [Fact]
    public void A_manifest_is_read_with_its_layers_in_order()
    {
        var manifest = JsonSerializer.Deserialize(
            $$"""
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"c","digest":"sha256:{{Hex}}","size":7},
             "layers":[{"mediaType":"l1","digest":"sha256:{{Hex}}","size":1},{"mediaType":"l2","digest":"sha256:{{Hex}}","size":2}],"unknown":{"a":1} }
            """,
            ImageJson.Default.ImageManifest)!;
        Assert.Equal(["l1", "l2"], manifest.Layers!.Select(l => l.MediaType));
        Assert.Equal(7, manifest.Config!.Size);
        Assert.Null(manifest.Manifests);
    }

    [Fact]
    public void A_config_keeps_Dockers_capitals()
    {
        var config = JsonSerializer.Deserialize(
            $$"""{"architecture":"amd64","os":"linux","config":{"User":"7:8","Env":["A=b"],"Cmd":["x"],"Volumes":{"/v":{} } },"rootfs":{"type":"layers","diff_ids":["sha256:{{Hex}}"]} }""",
            ImageJson.Default.ImageConfigFile)!;
        Assert.Equal("7:8", config.Config!.User);
        Assert.Equal(["/v"], config.Config.Volumes!.Keys);
        Assert.Equal(Hex, Assert.Single(config.Rootfs!.DiffIds).Hex);
    }

    [Theory]
    [InlineData("""{"schemaVersion":2,"config":{"digest":"sha256:short"}}""")]
    [InlineData("""{"schemaVersion":2,"schemaVersion":1}""")]
    [InlineData("""{"layers":{}}""")]
    public void Bad_documents_throw(string json) => Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, ImageJson.Default.ImageManifest));
}
