using System.Text;
using System.Text.Json.Nodes;
using ShimRuntime.Images.Tests.Support;
using Xunit;

namespace ShimRuntime.Images.Tests.Pulling;

public sealed class ImageDocumentTests
{
    private const string Docker = "application/vnd.docker.distribution.manifest.v2+json";
    private readonly TestImage _image = new("doc", Packing.Gzip, Packing.Plain);

    [Theory]
    [InlineData(TestImage.OciManifest, TestImage.OciManifest)]
    [InlineData(Docker, Docker)]
    [InlineData(null, TestImage.OciManifest)]
    [InlineData(TestImage.OciManifest, null)]
    [InlineData(null, null)]
    [InlineData(Docker, "application/json")]
    [InlineData(Docker, "text/plain")]
    public void AManifestIsTakenWhenItsTypesAgree(string? own, string? declared) =>
        Assert.Equal(2, ImageDocument.Parse(Bytes(_image.Manifest(own)), declared).Manifest!.Layers!.Count);

    [Fact]
    public void AnIndexIsTakenByTypeOrShape()
    {
        var index = TestImage.Index((_image, "linux/amd64"));
        Assert.NotNull(ImageDocument.Parse(index, TestImage.OciIndex).Index);
        Assert.NotNull(ImageDocument.Parse(index, null).Index);
        var untyped = JsonNode.Parse(index)!.AsObject();
        untyped.Remove("mediaType");
        Assert.NotNull(ImageDocument.Parse(Bytes(untyped), null).Index);
    }

    [Fact]
    public void ADocumentThatCouldBeReadAsEitherIsRefused()
    {
        var both = _image.Manifest(null);
        both["manifests"] = JsonNode.Parse(TestImage.Index((_image, "linux/amd64")))!["manifests"]!.DeepClone();
        foreach (var declared in new[] { null, TestImage.OciManifest, TestImage.OciIndex })
            Assert.Throws<InvalidDataException>(() => ImageDocument.Parse(Bytes(both), declared));
    }

    [Theory]
    [InlineData(TestImage.OciManifest, Docker)]
    [InlineData(TestImage.OciManifest, TestImage.OciIndex)]
    [InlineData("application/x-other", null)]
    [InlineData("application/vnd.docker.distribution.manifest.v1+json", null)]
    public void TypesThatDisagreeAreRefused(string own, string? declared) =>
        Assert.Throws<InvalidDataException>(() => ImageDocument.Parse(Bytes(_image.Manifest(own)), declared));

    [Theory]
    [InlineData("schemaVersion", "1")]
    [InlineData("schemaVersion", "3")]
    [InlineData("config", "null")]
    [InlineData("layers", "null")]
    [InlineData("layers", "[null]")]
    [InlineData("layers", "[{}]")]
    [InlineData("layers",
        "[{\"mediaType\":null,\"digest\":\"DIGEST\",\"size\":1}]")]
    [InlineData("layers", "[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha512:00\",\"size\":1}]")]
    [InlineData(
        "layers", "[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:../../../../etc/passwd\",\"size\":1}]")]
    [InlineData(
        "layers",
            "[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"DIGEST\",\"size\":-1}]")]
    [InlineData(
        "layers",
            "[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+encrypted\",\"digest\":\"DIGEST\",\"size\":1}]")]
    [InlineData(
        "config",
            "{\"mediaType\":\"application/vnd.cncf.helm.config.v1+json\",\"digest\":\"DIGEST\",\"size\":1}")]
    [InlineData(
        "config",
            "{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"DIGEST\",\"size\":99999999}")]
    public void WhatNoImageHasIsRefused(string member, string json)
    {
        var manifest = _image.Manifest(TestImage.OciManifest);
        manifest[member] = JsonNode.Parse(Filled(json));
        Assert.Throws<InvalidDataException>(() => ImageDocument.Parse(Bytes(manifest), null));
    }

    [Fact]
    public void LayersAreCounted()
    {
        var manifest = _image.Manifest(TestImage.OciManifest);
        var layer = manifest["layers"]![0]!;
        manifest["layers"] = new JsonArray([.. Enumerable.Repeat(layer, ImageDocument.MaxLayers).Select(l => l.DeepClone())]);
        Assert.Equal(ImageDocument.MaxLayers, ImageDocument.Parse(Bytes(manifest), null).Manifest!.Layers!.Count);
        manifest["layers"]!.AsArray().Add(layer.DeepClone());
        Assert.Throws<InvalidDataException>(() => ImageDocument.Parse(Bytes(manifest), null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"schemaVersion\":2,\"schemaVersion\":2}")]
    [InlineData("{\"schemaVersion\":\"2\"}")]
    public void WhatIsNoDocumentIsRefused(string text) =>
        Assert.Throws<InvalidDataException>(() => ImageDocument.Parse(Encoding.UTF8.GetBytes(text), null));

    [Theory]
    [InlineData("{\"rootfs\":null}")]
    [InlineData("{\"rootfs\":{\"type\":\"other\",\"diff_ids\":[]}}")]
    [InlineData("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}")]
    [InlineData("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[null]}}")]
    [InlineData("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}")]
    [InlineData(
        "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"DIGEST\"]},\"config\":{\"Env\":[null]}}")]
    public void AConfigFitsItsManifest(string json) =>
        Assert.Throws<InvalidDataException>(() => ImageDocument.ParseConfig(Encoding.UTF8.GetBytes(Filled(json)), 1));

    /// <summary>The vector of image-spec config.md's definition, computed by hand with sha256sum.</summary>
    [Fact]
    public void ChainIdsAreThoseOfTheSpecification()
    {
        var a = TestImage.Hash("a"u8.ToArray());
        var b = TestImage.Hash("b"u8.ToArray());
        var chain = ChainId.Of([a, b]);
        Assert.Equal(a, chain[0]);
        Assert.Equal(TestImage.Hash(Encoding.ASCII.GetBytes($"{a} {b}")), chain[1]);
        Assert.Empty(ChainId.Of([]));
    }

    /// <summary>The table's DIGEST stands for a digest.</summary>
    private static string Filled(string json) =>
        json.Replace("DIGEST", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", StringComparison.Ordinal);

    private static byte[] Bytes(JsonNode node) => Encoding.UTF8.GetBytes(node.ToJsonString());
}
