using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.References;

public sealed class ImageReferenceTests
{
    private const string Hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private static readonly string Long = new('a', 128);

    [Theory]
    [InlineData("busybox", "docker.io/library/busybox:latest")]
    [InlineData("busybox:1.36", "docker.io/library/busybox:1.36")]
    [InlineData("library/busybox", "docker.io/library/busybox:latest")]
    [InlineData("user/app", "docker.io/user/app:latest")]
    [InlineData("user/deep/app:v1", "docker.io/user/deep/app:v1")]
    [InlineData("docker.io/busybox", "docker.io/library/busybox:latest")]
    [InlineData("docker.io/user/app", "docker.io/user/app:latest")]
    [InlineData("index.docker.io/busybox:1", "docker.io/library/busybox:1")]
    [InlineData("index.docker.io/library/busybox:1", "docker.io/library/busybox:1")]
    [InlineData("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10")]
    [InlineData("registry.k8s.io/a/b/c", "registry.k8s.io/a/b/c:latest")]
    [InlineData("localhost/app", "localhost/app:latest")]
    [InlineData("localhost:5000/app", "localhost:5000/app:latest")]
    [InlineData("localhost:5000/app:5000", "localhost:5000/app:5000")]
    [InlineData("127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c")]
    [InlineData("[::1]:5000/app:v1", "[::1]:5000/app:v1")]
    [InlineData("[2001:db8::1]/app", "[2001:db8::1]/app:latest")]
    [InlineData("Registry/app", "Registry/app:latest")]
    [InlineData("REGISTRY.example.COM/app", "REGISTRY.example.COM/app:latest")]
    [InlineData("host-with-dash.example/a-b--c/d__e/f.g_h", "host-with-dash.example/a-b--c/d__e/f.g_h:latest")]
    [InlineData("app:_tag", "docker.io/library/app:_tag")]
    [InlineData("app:V1.2-RC_3", "docker.io/library/app:V1.2-RC_3")]
    [InlineData("abcdefabcdef", "docker.io/library/abcdefabcdef:latest")]
    [InlineData("a", "docker.io/library/a:latest")]
    [InlineData("app@sha256:" + Hex, "docker.io/library/app@sha256:" + Hex)]
    [InlineData("app:v1@sha256:" + Hex, "docker.io/library/app:v1@sha256:" + Hex)]
    [InlineData("localhost:5000/app:v1@sha256:" + Hex, "localhost:5000/app:v1@sha256:" + Hex)]
    public void Normalises(string text, string expected) => Assert.Equal(expected, ImageReference.Parse(text).ToString());

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(" busybox")]
    [InlineData("busybox ")]
    [InlineData("busy box")]
    [InlineData("Busybox")]
    [InlineData("user/App")]
    [InlineData("docker.io/Library/app")]
    [InlineData(":tag")]
    [InlineData("app:")]
    [InlineData("app:.tag")]
    [InlineData("app:-tag")]
    [InlineData("app:a/b")]
    [InlineData("app:tag:tag")]
    [InlineData("app:tag\n")]
    [InlineData("app:ünïcode")]
    [InlineData("@sha256:" + Hex)]
    [InlineData("app@")]
    [InlineData("app@sha256:")]
    [InlineData("app@sha256:abc")]
    [InlineData("app@sha256:" + Hex + "0")]
    [InlineData("app@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef")]
    [InlineData("app@sha512:" + Hex + Hex)]
    [InlineData("app@md5:d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("app@sha256:" + Hex + "@sha256:" + Hex)]
    [InlineData(Hex)]
    [InlineData("sha256:" + Hex + ":x")]
    [InlineData("/app")]
    [InlineData("app/")]
    [InlineData("a//b")]
    [InlineData("docker.io/")]
    [InlineData("docker.io//app")]
    [InlineData("../app")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    [InlineData("-app")]
    [InlineData("app-")]
    [InlineData("app_")]
    [InlineData("a___b")]
    [InlineData("a..b")]
    [InlineData("a._b")]
    [InlineData("a-_b")]
    [InlineData(".app")]
    [InlineData("https://docker.io/app")]
    [InlineData("user@host/app")]
    [InlineData("localhost:/app")]
    [InlineData("localhost:0/app")]
    [InlineData("localhost:65536/app")]
    [InlineData("localhost:5x/app")]
    [InlineData("host_name.example/app")]
    [InlineData("-host.example/app")]
    [InlineData("host-.example/app")]
    [InlineData("host..example/app")]
    [InlineData("[::1/app")]
    [InlineData("[::1]x/app")]
    [InlineData("[fe80::1%eth0]:1/app")]
    [InlineData("[127.0.0.1]/app")]
    [InlineData("app\0")]
    [InlineData("app?x=1")]
    [InlineData("app%2fb")]
    public void RefusesWithInvalidArgument(string? text)
    {
        Assert.False(ImageReference.TryParse(text, out _));
        var fault = Assert.Throws<RuntimeFault>(() => ImageReference.Parse(text));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Contains("failed to parse image reference", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HoldsTheLimits()
    {
        Assert.True(ImageReference.TryParse("app:" + Long, out _));
        Assert.False(ImageReference.TryParse("app:" + Long + "a", out _));
        var path = new string('a', 255 - "docker.io/library/".Length);
        Assert.True(ImageReference.TryParse(path, out _));
        Assert.False(ImageReference.TryParse(path + "a", out _));
        Assert.False(ImageReference.TryParse(new string('a', 1 << 20), out _));
    }

    [Fact]
    public void TheDigestSaysWhatIsFetchedAndTheTagIsKept()
    {
        var both = ImageReference.Parse("app:v1@sha256:" + Hex);
        Assert.Equal("sha256:" + Hex, both.ManifestKey);
        Assert.Equal("docker.io/library/app:v1", both.TagName);
        Assert.Null(ImageReference.Parse("app@sha256:" + Hex).TagName);
        Assert.Equal("latest", ImageReference.Parse("app").ManifestKey);
    }

    [Fact]
    public void AnErrorDoesNotRepeatAHugeReference() =>
        Assert.True(Assert.Throws<RuntimeFault>(() => ImageReference.Parse(new string('A', 100_000))).Message.Length < 1000);
}
