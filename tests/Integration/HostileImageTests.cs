using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Images made to hurt: each class of attack that extraction, manifests and registries have seen.</summary>
public sealed class HostileImageTests(DaemonFixture daemon) : NodeTest(daemon)
{
    protected override bool LeavesLeases => true;

    private static readonly string Canary = "/srt-hostile-canary";

    public static TheoryData<string, Func<LayerBuilder>> EscapingLayers => new()
    {
        { "dotdot", () => new LayerBuilder().File("../../../../../../../../" + Canary[1..], "x") },
        { "absolute symlinked parent", () => new LayerBuilder().Symlink("up", "/").File("up" + Canary, "x") },
        { "relative symlinked parent", () => new LayerBuilder().Symlink("up", "../../../../../../../../..").File("up" + Canary, "x") },
        { "hard link out", () => new LayerBuilder().HardLink("passwd", "../../../../../../../../etc/passwd").File("passwd", "owned") },
        { "hard link through a symlink", () => new LayerBuilder().Symlink("etc-of-host", "/etc").HardLink("stolen", "etc-of-host/passwd") },
        { "whiteout through a symlink", () => new LayerBuilder().Symlink("etc-of-host", "/etc").Whiteout("etc-of-host", "hostname") },
        { "whiteout of dotdot", () => new LayerBuilder().File("d/.wh...", "") },
        { "whiteout of itself", () => new LayerBuilder().File("d/.wh.", "") },
        { "mode of the root", () => new LayerBuilder().Directory("../..", "777") },
    };

    [Theory]
    [MemberData(nameof(EscapingLayers))]
    public async Task ALayerNeverReachesTheHost(string name, Func<LayerBuilder> build)
    {
        var passwd = await File.ReadAllTextAsync("/etc/passwd");
        var modes = await Command.ShellAsync($"stat -c '%n %a %h' / /etc /etc/passwd {World.Base} {World.Root}");
        var image = new ImageBuilder().Layer(build());
        var pushed = await image.PushAsync(await Registry.SharedAsync(), "hostile/" + name.Replace(' ', '-'));
        // Refused or contained: both are right, as long as the host is untouched.
        var fault = await Record.ExceptionAsync(() => Daemon.PullAsync(pushed.Reference));
        if (fault is RpcException rpc) Assert.NotEqual(StatusCode.Unknown, rpc.StatusCode);
        Assert.False(File.Exists(Canary), "the layer wrote to the host's root");
        Assert.Equal(passwd, await File.ReadAllTextAsync("/etc/passwd"));
        Assert.True(File.Exists("/etc/hostname"), "the layer removed a file of the host");
        Assert.Equal(modes, await Command.ShellAsync($"stat -c '%n %a %h' / /etc /etc/passwd {World.Base} {World.Root}"));
    }

    [Fact]
    public async Task ALayerThatLiesAboutItsDiffIdIsRefused()
    {
        var pushed = await new ImageBuilder().LyingLayer(new LayerBuilder().File("x", "x")).PushAsync(await Registry.SharedAsync(), "hostile/diffid");
        var fault = await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync(pushed.Reference));
        Assert.Contains("sha256:", fault.Status.Detail, StringComparison.Ordinal);
        Assert.Single((await Images.ListImagesAsync(new ListImagesRequest())).Images);
    }

    [Fact]
    public async Task ADecompressionBombIsCutOff()
    {
        // 3 GB of zeros in 3 MB: entries whose header promises more than any disk has.
        var tar = new LayerBuilder().File("ok", "x").Tar();
        BitConverter.TryWriteBytes(tar.AsSpan(0), 0x61616161);
        var header = tar.AsSpan(0, 512);
        Encoding.ASCII.GetBytes("77777777777\0").CopyTo(header[124..]);
        var pushed = await Pushed("bomb", tar);
        await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync(pushed));
    }

    [Theory]
    [InlineData("99999999999:0")]
    [InlineData("4294967296")]
    [InlineData("2147483648:2147483648")]
    [InlineData("-1")]
    public async Task AnImageUserOutOfRangeNeverBecomesRoot(string user)
    {
        var pushed = await (await TestImages.OnBusyboxAsync()).With("User", user)
            .PushAsync(await Registry.SharedAsync(), $"hostile/user{Math.Abs(user.GetHashCode(StringComparison.Ordinal))}");
        await Daemon.PullAsync(pushed.Reference);
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => pod.CreateAsync("id", c => c.Image.Image = pushed.Reference), user.Split(':')[0]);
    }

    [Fact]
    public async Task AnEndlessPasswdFileIsNotReadWithoutBound()
    {
        var big = new StringBuilder();
        for (var i = 0; big.Length < 20 << 20; i++) big.Append("user").Append(i).Append(":x:").Append(100_000 + i).Append(":0::/:/bin/sh\n");
        var pushed = await (await TestImages.OnBusyboxAsync()).Layer(new LayerBuilder().File("etc/passwd", big.ToString())).With("User", "no-such-user")
            .PushAsync(await Registry.SharedAsync(), "hostile/passwd");
        await Daemon.PullAsync(pushed.Reference);
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => pod.CreateAsync("id", c => c.Image.Image = pushed.Reference), "passwd");
    }

    [Fact]
    public async Task APasswdThatIsASymlinkToTheHostIsNotFollowedThere()
    {
        var layer = new LayerBuilder().Whiteout("etc", "passwd");
        var link = new LayerBuilder().Symlink("etc/passwd", "/../../../../../../../../../../../../etc/passwd");
        var pushed = await (await TestImages.OnBusyboxAsync()).Layer(layer).Layer(link).With("User", "www-data")
            .PushAsync(await Registry.SharedAsync(), "hostile/passwdlink");
        await Daemon.PullAsync(pushed.Reference);
        var pod = await RunPodAsync();
        // Inside the image the link leads to itself: the user is unknown there, whoever the host knows.
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => pod.CreateAsync("id", c => c.Image.Image = pushed.Reference));
    }

    [Fact]
    public async Task OneDocumentReadAsManifestAndAsIndexIsRefused()
    {
        var registry = await Registry.SharedAsync();
        var pushed = await new ImageBuilder().Layer(new LayerBuilder().File("x", "ambiguous")).PushAsync(registry, "hostile/ambiguous");
        await using var liar = new LyingRegistry(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = ImageBuilder.OciManifest,
            ["config"] = Descriptor(ImageBuilder.OciConfig, pushed.ConfigDigest),
            ["layers"] = new JsonArray(),
            ["manifests"] = new JsonArray(Descriptor(ImageBuilder.OciManifest, pushed.ManifestDigest)),
        }.ToJsonString(), ImageBuilder.OciManifest);
        World.WriteHosts(liar.Host, liar.Address);
        await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync($"{liar.Host}/x/y:1"));
    }

    [Fact]
    public async Task ContentThatIsNotWhatItsDigestSaysIsRefused()
    {
        var digest = Digests.Of("something else"u8);
        await using var liar = new LyingRegistry("{\"schemaVersion\":2,\"layers\":[]}", ImageBuilder.OciManifest);
        World.WriteHosts(liar.Host, liar.Address);
        var fault = await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync($"{liar.Host}/x/y@{digest}"));
        Assert.Contains(digest, fault.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AManifestWithoutEndIsCutOff()
    {
        await using var liar = new LyingRegistry(null, ImageBuilder.OciManifest);
        World.WriteHosts(liar.Host, liar.Address);
        await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync($"{liar.Host}/x/y:1"));
        Assert.True(liar.BytesSent < 64 << 20, $"{liar.BytesSent} bytes were read");
    }

    [Fact]
    public async Task CredentialsDoNotFollowARedirectToAnotherHost()
    {
        await using var elsewhere = new LyingRegistry("{}", ImageBuilder.OciManifest);
        await using var first = new LyingRegistry("{}", ImageBuilder.OciManifest, $"{elsewhere.Address}/stolen", challenge: "Basic realm=\"x\"");
        World.WriteHosts(first.Host, first.Address);
        await Assert.ThrowsAsync<RpcException>(() => Images.PullImageAsync(new PullImageRequest
        {
            Image = new ImageSpec { Image = $"{first.Host}/x/y:1" },
            Auth = new AuthConfig { Username = "user", Password = "secret" },
        }).ResponseAsync);
        Assert.Contains(first.Authorizations, a => a.StartsWith("Basic", StringComparison.Ordinal));
        Assert.Empty(elsewhere.Authorizations);
    }

    private static JsonObject Descriptor(string mediaType, string digest) => new() { ["mediaType"] = mediaType, ["digest"] = digest, ["size"] = 2 };

    private static async Task<string> Pushed(string name, byte[] tar)
    {
        var registry = await Registry.SharedAsync();
        var layer = await registry.PushBlobAsync($"hostile/{name}", tar);
        var config = Encoding.UTF8.GetBytes($"{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{}},\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"{layer}\"]}}}}");
        var configDigest = await registry.PushBlobAsync($"hostile/{name}", config);
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = ImageBuilder.OciManifest,
            ["config"] = new JsonObject { ["mediaType"] = ImageBuilder.OciConfig, ["digest"] = configDigest, ["size"] = config.Length },
            ["layers"] = new JsonArray(new JsonObject { ["mediaType"] = ImageBuilder.OciLayer, ["digest"] = layer, ["size"] = tar.Length }),
        };
        await registry.PushManifestAsync($"hostile/{name}", "1", Encoding.UTF8.GetBytes(manifest.ToJsonString()), ImageBuilder.OciManifest);
        return $"{registry.Host}/hostile/{name}:1";
    }
}
