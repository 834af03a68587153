using System.Text;
using System.Text.Json.Nodes;
using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Pulling;

/// <summary>Registries that lie, drop, stall and redirect.</summary>
public sealed class HostileRegistryTests : IAsyncLifetime
{
    private readonly TestRegistry _registry = new();
    private readonly TestRegistry _elsewhere = new();
    private readonly ImageRoom _room = new(configure: o => o with { StallTimeout = TimeSpan.FromSeconds(1) });

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _room.DisposeAsync();
        _registry.Dispose();
        _elsewhere.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ADroppedConnectionIsResumedWhereItBroke(bool stalls)
    {
        var image = new TestImage("drop", "amd64", 200_000, Packing.Gzip);
        _registry.Serve(image);
        var layer = image.Layers[0];
        _registry.Hook = async context =>
        {
            if (context.Request.Headers["Range"] is not null
                || !context.Request.Url!.AbsolutePath.EndsWith(layer.Digest.ToString(), StringComparison.Ordinal)) return false;
            context.Response.ContentLength64 = layer.Size;
            await context.Response.OutputStream.WriteAsync(image.Blobs[layer.Digest].AsMemory(0, 100_000));
            await context.Response.OutputStream.FlushAsync();
            await Task.Delay(stalls ? 5000 : 200);
            context.Response.Abort();
            return true;
        };
        var record = await _room.PullAsync(_registry.Reference());
        Assert.Equal(image.Tars[0], _room.Layers.Committed[record.ChainIds[0]]);
        var resumed = Assert.Single(_registry.Requests, r => r.Range is not null);
        Assert.Equal("bytes=100000-", resumed.Range);
    }

    [Fact]
    public async Task AServerWithoutRangesIsReadAgainUpToTheGap()
    {
        var image = new TestImage("norange", "amd64", 50_000, Packing.Plain);
        _registry.Serve(image);
        var first = true;
        _registry.Hook = async context =>
        {
            if (!context.Request.Url!.AbsolutePath.EndsWith(image.Layers[0].Digest.ToString(), StringComparison.Ordinal)) return false;
            context.Response.ContentLength64 = image.Tars[0].Length;
            await context.Response.OutputStream.WriteAsync(image.Tars[0].AsMemory(0, first ? 20_000 : image.Tars[0].Length));
            await context.Response.OutputStream.FlushAsync();
            if (!first) context.Response.Close();
            await Task.Delay(100);
            if (first) context.Response.Abort();
            first = false;
            return true;
        };
        await _room.PullAsync(_registry.Reference());
        Assert.Equal(image.Tars[0], _room.Layers.Committed.Values.Single());
    }

    [Fact]
    public async Task WhatIsOnlyEverDroppedEndsUnavailableAndLeavesNoDraft()
    {
        var image = new TestImage("never", Packing.Plain);
        _registry.Serve(image);
        _registry.Hook = context =>
        {
            if (!context.Request.Url!.AbsolutePath.Contains("/blobs/" + image.Layers[0].Digest, StringComparison.Ordinal))
                return Task.FromResult(false);
            context.Response.Abort();
            return Task.FromResult(true);
        };
        Assert.Equal(FaultCode.Unavailable, (await _room.PullFaultAsync(_registry.Reference())).Code);
        Assert.Empty(_room.Layers.Committed);
    }

    [Fact]
    public async Task ALayerWithAnotherDigestIsRefusedAndDiscarded()
    {
        var image = new TestImage("liar", Packing.Plain);
        _registry.Serve(image);
        var other = (byte[])image.Tars[0].Clone();
        other[600] ^= 1;
        _registry.Blobs[image.Layers[0].Digest] = other;
        var fault = await _room.PullFaultAsync(_registry.Reference());
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains(TestImage.Hash(other).ToString(), fault.Message, StringComparison.Ordinal);
        Assert.Empty(_room.Layers.Committed);
        Assert.Equal(1, _room.Layers.DraftsDeleted);
    }

    [Fact]
    public async Task ALayerThatUnpacksToAnotherDiffIdIsRefused()
    {
        var image = new TestImage("diff", Packing.Gzip);
        var other = new TestImage("other", Packing.Gzip);
        var manifest = image.Manifest(TestImage.OciManifest);
        manifest["layers"] = new JsonArray(TestImage.Json(other.Layers[0]));
        image.ManifestBytes = Encoding.UTF8.GetBytes(manifest.ToJsonString());
        _registry.Serve(image);
        _registry.Blobs[other.Layers[0].Digest] = other.Blobs[other.Layers[0].Digest];
        var fault = await _room.PullFaultAsync(_registry.Reference());
        Assert.Contains("unpacks to", fault.Message, StringComparison.Ordinal);
        Assert.Equal(1, _room.Layers.DraftsDeleted);
    }

    [Fact]
    public async Task ABrokenArchiveWithTheRightDigestIsItsOwnFault()
    {
        var image = new TestImage("torn", Packing.Gzip);
        var torn = image.Blobs[image.Layers[0].Digest][..^20];
        var manifest = image.Manifest(TestImage.OciManifest);
        manifest["layers"]![0]!["digest"] = TestImage.Hash(torn).ToString();
        manifest["layers"]![0]!["size"] = torn.Length;
        image.ManifestBytes = Encoding.UTF8.GetBytes(manifest.ToJsonString());
        _registry.Serve(image);
        _registry.Blobs[TestImage.Hash(torn)] = torn;
        Assert.Equal(FaultCode.FailedPrecondition, (await _room.PullFaultAsync(_registry.Reference())).Code);
        Assert.Empty(_room.Layers.Committed);
    }

    [Fact]
    public async Task ALayerLongerThanItsDescriptorIsRefused()
    {
        var image = new TestImage("long", Packing.Plain);
        _registry.Serve(image);
        _registry.Blobs[image.Layers[0].Digest] = [.. image.Tars[0], 0];
        Assert.Equal(FaultCode.FailedPrecondition, (await _room.PullFaultAsync(_registry.Reference())).Code);
    }

    [Fact]
    public async Task AConfigWithAnotherDigestIsRefused()
    {
        var image = new TestImage("config", Packing.Plain);
        _registry.Serve(image);
        _registry.Blobs[image.Config.Digest] = new byte[image.Config.Size];
        Assert.Equal(FaultCode.FailedPrecondition, (await _room.PullFaultAsync(_registry.Reference())).Code);
        Assert.Equal(0, _registry.Count(image.Layers[0].Digest.ToString()));
    }

    [Fact]
    public async Task AManifestWithAnotherDigestIsRefused()
    {
        var image = new TestImage("manifest", Packing.Plain);
        _registry.Serve(image);
        var wanted = image.ManifestDigest;
        _registry.Manifests[wanted.ToString()] = (new TestImage("false", Packing.Plain).ManifestBytes, TestImage.OciManifest);
        _registry.SendDigestHeader = false;
        var fault = await _room.PullFaultAsync($"{_registry.Host}/test/app@{wanted}");
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
    }

    [Theory]
    [InlineData("application/vnd.docker.distribution.manifest.v1+prettyjws")]
    [InlineData(TestImage.OciIndex)]
    public async Task ATypeThatDoesNotFitTheDocumentIsRefused(string type)
    {
        _registry.Serve(new TestImage("type", Packing.Plain), "v1", type);
        Assert.Equal(FaultCode.FailedPrecondition, (await _room.PullFaultAsync(_registry.Reference())).Code);
    }

    [Fact]
    public async Task AHugeManifestIsCutOff()
    {
        _registry.Serve(
            Encoding.UTF8.GetBytes("{\"schemaVersion\":2,\"x\":\"" + new string('x', 5 << 20) + "\"}"), TestImage.OciManifest, "v1");
        Assert.Contains("larger than", (await _room.PullFaultAsync(_registry.Reference())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ForeignUrlsAreNeverAsked()
    {
        var image = new TestImage("foreign", Packing.Plain);
        _elsewhere.Serve(image);
        var manifest = image.Manifest(TestImage.OciManifest);
        manifest["layers"]![0]!["urls"] = new JsonArray($"http://{_elsewhere.Host}/v2/test/app/blobs/{image.Layers[0].Digest}");
        manifest["layers"]![0]!["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar";
        image.ManifestBytes = Encoding.UTF8.GetBytes(manifest.ToJsonString());
        _registry.Serve(image);
        _registry.Blobs.TryRemove(image.Layers[0].Digest, out _);
        Assert.Equal(FaultCode.NotFound, (await _room.PullFaultAsync(_registry.Reference())).Code);
        Assert.Empty(_elsewhere.Requests);
    }

    [Fact]
    public async Task RedirectsAreFollowedUpToALimitAndNotToOtherSchemes()
    {
        _registry.Serve(new TestImage("loop", Packing.Plain));
        _registry.Hook = async context =>
        {
            context.Response.RedirectLocation = context.Request.Url!.AbsolutePath;
            await TestRegistry.AnswerAsync(context, 307);
            return true;
        };
        Assert.Contains("redirects more than", (await _room.PullFaultAsync(_registry.Reference())).Message, StringComparison.Ordinal);
        _registry.Hook = async context =>
        {
            context.Response.RedirectLocation = "file:///etc/passwd";
            await TestRegistry.AnswerAsync(context, 302);
            return true;
        };
        Assert.Contains("scheme 'file'", (await _room.PullFaultAsync(_registry.Reference())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnOverloadedRegistryIsAskedAgain()
    {
        var image = new TestImage("busy", Packing.Plain);
        _registry.Serve(image);
        var refusals = 3;
        _registry.Hook = async context =>
        {
            if (Interlocked.Decrement(ref refusals) < 0) return false;
            await TestRegistry.AnswerAsync(context, 503);
            return true;
        };
        Assert.Equal(image.Id, (await _room.PullAsync(_registry.Reference())).Id);
    }

    [Fact]
    public async Task NobodyListeningIsUnavailable()
    {
        _registry.Dispose();
        var fault = await _room.PullFaultAsync(_registry.Reference());
        Assert.Equal(FaultCode.Unavailable, fault.Code);
        Assert.Contains(_registry.Host, fault.Message, StringComparison.Ordinal);
    }
}
