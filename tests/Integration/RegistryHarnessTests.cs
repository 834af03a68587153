using System.Net;
using System.Text.Json.Nodes;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The registry, the pusher and the proxy that other tests rely on.</summary>
public sealed class RegistryHarnessTests
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });

    [Fact]
    public async Task APushedImageIsServedAsPushed()
    {
        var image = await TestImages.BusyboxAsync();
        var registry = await Registry.SharedAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{registry.Address}/v2/library/busybox/manifests/{image.ManifestDigest}");
        request.Headers.Accept.ParseAdd(ImageBuilder.OciManifest);
        using var response = await Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var manifest = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.Equal(image.ConfigDigest, (string?)manifest["config"]!["digest"]);
        var blob = await Http.GetByteArrayAsync($"{registry.Address}/v2/library/busybox/blobs/{manifest["layers"]![0]!["digest"]}");
        Assert.Equal((string?)manifest["layers"]![0]!["digest"], Digests.Of(blob));
    }

    [Fact]
    public async Task TheProxyDropsAsManyConnectionsAsAsked()
    {
        var registry = await Registry.SharedAsync();
        await using var proxy = new TroubledProxy(registry.Host);
        proxy.Drop(2, 0);
        for (var i = 0; i < 2; i++) await Assert.ThrowsAsync<HttpRequestException>(() => Http.GetAsync($"{proxy.Address}/v2/"));
        using var response = await Http.GetAsync($"{proxy.Address}/v2/");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(2, proxy.Dropped);
    }

    [Fact]
    public async Task ARegistryWithUsersRefusesStrangers()
    {
        await using var registry = await Registry.StartAsync("basic", ("user", "secret"));
        using var response = await Http.GetAsync($"{registry.Address}/v2/");
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        var image = await new ImageBuilder().Layer(new LayerBuilder().File("a", "b")).PushAsync(registry, "private/image");
        Assert.StartsWith("sha256:", image.ConfigDigest, StringComparison.Ordinal);
    }
}
