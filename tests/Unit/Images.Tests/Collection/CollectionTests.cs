using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Collection;

/// <summary>What a pull leaves behind when it fails or is killed, and what goes when.</summary>
public sealed class CollectionTests : IAsyncLifetime
{
    private readonly TestRegistry _registry = new();
    private readonly TempDirectory _root = new();
    private readonly MemoryLayers _layers = new();
    private readonly TestImage _image = new("kept", Packing.Gzip, Packing.Gzip);

    public Task InitializeAsync()
    {
        _registry.Serve(_image);
        return Task.CompletedTask;
    }

    public Task DisposeAsync()
    {
        _registry.Dispose();
        _root.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task ARetryFetchesOnlyWhatTheFailedPullLacked()
    {
        await using var room = new ImageRoom(_root.Path, _layers);
        await FailAtTheSecondLayerAsync(room);
        await FailAtTheSecondLayerAsync(room);
        Assert.Single(room.Files(), f => f.StartsWith("leases/", StringComparison.Ordinal));
        Assert.Single(_layers.Committed);
        await room.PullAsync(_registry.Reference());
        Assert.Equal(1, _registry.Count(_image.Layers[0].Digest.ToString()));
        Assert.DoesNotContain(room.Files(), f => f.StartsWith("leases/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ALeaseThatAPowerLossBroughtBackIsOverOnceAnImageNamesAllItHolds()
    {
        string lease, text;
        await using (var room = new ImageRoom(_root.Path, _layers))
        {
            await FailAtTheSecondLayerAsync(room);
            lease = Directory.GetFiles(Path.Combine(_root.Path, "leases")).Single();
            text = await File.ReadAllTextAsync(lease);
            await room.PullAsync(_registry.Reference());
        }

        await File.WriteAllTextAsync(lease, text);
        await using var again = new ImageRoom(_root.Path, _layers);
        await TestContext.EventuallyAsync(() => !File.Exists(lease), "the collection of the lease");
        Assert.Equal(2, _layers.Committed.Count);
        Assert.Single(again.Images.List());
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("[]")]
    public async Task ALeaseThatIsNoneIsDeletedAndTheRoomOpens(string content)
    {
        await using (var room = new ImageRoom(_root.Path, _layers)) await FailAtTheSecondLayerAsync(room);
        var lease = Directory.GetFiles(Path.Combine(_root.Path, "leases")).Single();
        await File.WriteAllTextAsync(lease, content);
        await using var again = new ImageRoom(_root.Path, _layers);
        Assert.False(File.Exists(lease));
        await again.PullAsync(_registry.Reference());
    }

    [Fact]
    public async Task AKilledPullGoesOnAfterARestart()
    {
        await using (var room = new ImageRoom(_root.Path, _layers)) await FailAtTheSecondLayerAsync(room);
        File.WriteAllText(Path.Combine(_root.Path, "content/ingest/left"), "half");
        File.WriteAllText(Path.Combine(_root.Path, $"content/blobs/sha256/{new string('a', 64)}.1-1.tmp"), "half");
        File.WriteAllText(Path.Combine(_root.Path, "images/x.json.1-1.tmp"), "half");
        await using var again = new ImageRoom(_root.Path, _layers);
        Assert.Empty(again.Images.List());
        Assert.DoesNotContain(
            again.Files(), f => f.Contains("left", StringComparison.Ordinal) || f.EndsWith(".tmp", StringComparison.Ordinal));
        await again.PullAsync(_registry.Reference());
        Assert.Equal(1, _registry.Count(_image.Layers[0].Digest.ToString()));
        Assert.DoesNotContain(again.Files(), f => f.StartsWith("leases/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatNobodyCameBackForIsCollectedWhenItsLeaseExpires()
    {
        await using (var room = new ImageRoom(_root.Path, _layers)) await FailAtTheSecondLayerAsync(room);
        var lease = Directory.GetFiles(Path.Combine(_root.Path, "leases")).Single();
        var old = DateTimeOffset.UtcNow - LeaseStore.Grace - TimeSpan.FromMinutes(1);
        var text = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(lease))!;
        text["createdAt"] = old.ToString("O");
        File.WriteAllText(lease, text.ToJsonString());
        await using var again = new ImageRoom(_root.Path, _layers);
        await TestContext.EventuallyAsync(() => _layers.Committed.IsEmpty && again.Files().Count == 0, "the collection");
    }

    [Fact]
    public async Task RemovingByOneTagRemovesAllAndALayerInUseStays()
    {
        await using var room = new ImageRoom(_root.Path, _layers);
        _registry.Serve(_image, "v2");
        await room.PullAsync(_registry.Reference("test/app:v2"));
        var record = await room.PullAsync(_registry.Reference());
        foreach (var chain in record.ChainIds) _layers.InUse[chain] = true;
        await room.Images.RemoveAsync(_registry.Reference("test/app:v2"), default);
        Assert.Null(room.Images.Find(record.Id));
        await TestContext.EventuallyAsync(() => room.Files().Count == 0, "the documents' collection");
        Assert.Equal(2, _layers.Committed.Count);
        _layers.InUse.Clear();
        await room.Images.RemoveAsync(record.Id, default);
        await using var restarted = new ImageRoom(_root.Path, _layers);
        await TestContext.EventuallyAsync(() => _layers.Committed.IsEmpty, "the layers' collection");
    }

    [Fact]
    public async Task ACollectionThatFailsIsTriedAgainByItself()
    {
        await using var room = new ImageRoom(_root.Path, _layers);
        var record = await room.PullAsync(_registry.Reference());
        _layers.FailRetire = 2;
        await room.Images.RemoveAsync(record.Id, default);
        await TestContext.EventuallyAsync(() => _layers.Committed.IsEmpty && room.Files().Count == 0, "the third collection");
    }

    [Theory]
    [InlineData("never/was:here")]
    [InlineData("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    [InlineData("0123456789ab")]
    public async Task RemovingWhatIsNotThereIsNoError(string reference)
    {
        await using var room = new ImageRoom(_root.Path, _layers);
        await room.Images.RemoveAsync(reference, default);
    }

    [Fact]
    public async Task ABadReferenceIsNotRemovedInSilence()
    {
        await using var room = new ImageRoom(_root.Path, _layers);
        Assert.Equal(
            FaultCode.InvalidArgument, (await Assert.ThrowsAsync<RuntimeFault>(() => room.Images.RemoveAsync("Not A Name", default))).Code);
    }

    [Fact]
    public async Task APinnedImageStays()
    {
        await using var room = new ImageRoom(_root.Path, _layers, o => o with { PinnedImages = [_registry.Reference()] });
        var record = await room.PullAsync(_registry.Reference());
        Assert.True(record.Pinned);
        Assert.Equal(
            FaultCode.FailedPrecondition, (await Assert.ThrowsAsync<RuntimeFault>(() => room.Images.RemoveAsync(record.Id, default))).Code);
        Assert.NotNull(room.Images.Find(record.Id));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AFullDiskGivesTheLayersBackAtOnce(bool whileUnpacking)
    {
        await using var room = new ImageRoom(_root.Path, _layers);
        Exception cause = new LinuxException("write", Errno.ENOSPC, "layer");
        if (whileUnpacking) cause = LayerFault.Of(cause, null); // as the real store tells it
        _layers.FailCommit = (chain, _) => chain.Length == 2 ? cause : null;
        var fault = await room.PullFaultAsync(_registry.Reference());
        Assert.Equal(FaultCode.ResourceExhausted, fault.Code);
        await TestContext.EventuallyAsync(() => _layers.Committed.IsEmpty && room.Files().Count == 0, "the collection");
    }

    private async Task FailAtTheSecondLayerAsync(ImageRoom room)
    {
        _layers.FailCommit = (chain, _) => chain.Length == 2 ? RuntimeFault.Internal("the second layer fails") : null;
        await room.PullFaultAsync(_registry.Reference());
        _layers.FailCommit = null;
    }
}
