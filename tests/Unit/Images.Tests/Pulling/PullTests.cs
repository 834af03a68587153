using System.Collections.Concurrent;
using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Pulling;

public sealed class PullTests : IAsyncLifetime
{
    private readonly TestRegistry _registry = new();
    private readonly ImageRoom _room = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _room.DisposeAsync();
        _registry.Dispose();
    }

    [Fact]
    public async Task EveryPackingArrivesAndTheRecordSaysIt()
    {
        var image = new TestImage("all", Packing.Gzip, Packing.Zstd, Packing.Plain);
        _registry.Serve(image);
        var record = await _room.PullAsync(_registry.Reference());
        Assert.Equal(image.Id, record.Id);
        Assert.Equal([$"{_registry.Host}/test/app:v1"], record.RepoTags.AsEnumerable());
        Assert.Equal([$"{_registry.Host}/test/app@{image.ManifestDigest}"], record.RepoDigests.AsEnumerable());
        Assert.Equal(image.Layers.Sum(l => l.Size) + image.Config.Size + image.ManifestBytes.Length, record.SizeBytes);
        Assert.Equal(["/bin/all"], record.Config.Cmd);
        Assert.Equal(image.Tars, record.ChainIds.Select(chain => _room.Layers.Committed[chain]));
        Assert.Equal(record.ChainIds.AsEnumerable(), _room.Layers.CommitOrder);
        Assert.Same(record, _room.Images.Find(_registry.Reference()));
        Assert.Equal(
            new[] { $"content/blobs/sha256/{image.Config.Digest.Hex}", $"content/blobs/sha256/{image.ManifestDigest.Hex}",
                $"images/{image.Config.Digest.Hex}.json" }.Order(StringComparer.Ordinal),
            _room.Files());
    }

    [Fact]
    public async Task AListenerThatThrowsIsItsOwnLoss()
    {
        _registry.Serve(new TestImage("told", Packing.Gzip));
        await _room.PullAsync(_registry.Reference(), progress: new Gone());
        Assert.Single(_room.Images.List());
    }

    [Fact]
    public async Task TenCallersArePulledOnce()
    {
        var image = new TestImage("once", Packing.Gzip, Packing.Gzip);
        _registry.Serve(image);
        _registry.Hook = async _ =>
        {
            await Task.Delay(20);
            return false;
        };
        var records = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _room.PullAsync(_registry.Reference())));
        Assert.Single(records.Distinct());
        Assert.Equal(3, _registry.Count("/blobs/"));
    }

    [Fact]
    public async Task ASecondPullFetchesNothingAndASecondTagIsOnlyAName()
    {
        var image = new TestImage("again", Packing.Gzip);
        _registry.Serve(image);
        _registry.Serve(image, "v2");
        await _room.PullAsync(_registry.Reference());
        var before = _registry.Count("/blobs/");
        await _room.PullAsync(_registry.Reference());
        var record = await _room.PullAsync(_registry.Reference("test/app:v2"));
        Assert.Equal(before, _registry.Count("/blobs/"));
        Assert.Equal([$"{_registry.Host}/test/app:v1", $"{_registry.Host}/test/app:v2"], record.RepoTags.Order());
        Assert.Single(_room.Images.List());
    }

    [Fact]
    public async Task SharedLayersAreFetchedOnceEvenByTwoImagesAtATime()
    {
        var one = new TestImage("base", Packing.Gzip, Packing.Gzip);
        var two = new TestImage("base", Packing.Gzip, Packing.Gzip, Packing.Gzip);
        _registry.Serve(one, "one");
        _registry.Serve(two, "two");
        await Task.WhenAll(_room.PullAsync(_registry.Reference("test/app:one")), _room.PullAsync(_registry.Reference("test/app:two")));
        foreach (var layer in one.Layers) Assert.Equal(1, _registry.Count(layer.Digest.ToString()));
        Assert.Equal(3, _room.Layers.Committed.Count);
    }

    [Fact]
    public async Task AMovedTagLeavesTheOldImageWithItsDigestAlone()
    {
        var old = new TestImage("old", Packing.Gzip);
        _registry.Serve(old);
        await _room.PullAsync(_registry.Reference());
        _registry.Serve(new TestImage("new", Packing.Gzip));
        var moved = await _room.PullAsync(_registry.Reference());
        Assert.NotEqual(old.Id, moved.Id);
        Assert.Equal(moved.Id, _room.Images.Find(_registry.Reference())!.Id);
        Assert.Empty(_room.Images.Find(old.Id)!.RepoTags);
        Assert.Equal(old.Id, _room.Images.Find($"{_registry.Host}/test/app@{old.ManifestDigest}")!.Id);
    }

    [Fact]
    public async Task ByDigestNoTagIsClaimed()
    {
        var image = new TestImage("digest", Packing.Gzip);
        _registry.Serve(image);
        var record = await _room.PullAsync($"{_registry.Host}/test/app:v9@{image.ManifestDigest}");
        Assert.Empty(record.RepoTags);
        Assert.Equal([$"{_registry.Host}/test/app@{image.ManifestDigest}"], record.RepoDigests.AsEnumerable());
    }

    [Fact]
    public async Task ARegistryThatSaysNoDigestIsAskedForTheTag()
    {
        _registry.SendDigestHeader = false;
        var image = new TestImage("mute", Packing.Gzip);
        _registry.Serve(image);
        Assert.Equal(image.Id, (await _room.PullAsync(_registry.Reference())).Id);
    }

    [Fact]
    public async Task ProgressEndsWithEveryLayerDone()
    {
        var image = new TestImage("progress", Packing.Gzip, Packing.Plain);
        _registry.Serve(image);
        var seen = new ConcurrentQueue<PullProgress>();
        await _room.PullAsync(_registry.Reference(), null, new Listener(seen.Enqueue));
        var last = seen.Last().Layers;
        Assert.Equal(image.Layers.Select(l => l.Digest.ToString()), last.Select(l => l.Digest));
        Assert.All(last, l => Assert.Equal(("done", l.TotalBytes), (l.Phase, l.FetchedBytes)));
        Assert.Equal("waiting", seen.First().Layers[0].Phase);
    }

    [Fact]
    public async Task AClientThatGoesAwayDoesNotEndThePull()
    {
        var image = new TestImage("gone", Packing.Gzip);
        _registry.Serve(image);
        var go = new TaskCompletionSource();
        _registry.Hook = async _ =>
        {
            await go.Task;
            return false;
        };
        using var client = new CancellationTokenSource();
        var pull = _room.Images.PullAsync(new PullRequest(_registry.Reference(), null), null, client.Token);
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        go.SetResult();
        await TestContext.EventuallyAsync(() => _room.Images.Find(_registry.Reference()) is not null, "the image of the client that left");
    }

    [Fact]
    public async Task AnUnknownTagIsNotFoundAndLeavesNothing()
    {
        var fault = await _room.PullFaultAsync(_registry.Reference("test/app:none"));
        Assert.Equal(FaultCode.NotFound, fault.Code);
        Assert.Contains("failed to pull image", fault.Message, StringComparison.Ordinal);
        Assert.Empty(_room.Files());
    }

    [Theory]
    [InlineData("user/UPPER")]
    [InlineData("")]
    public async Task ABadReferenceIsInvalid(string reference) =>
        Assert.Equal(FaultCode.InvalidArgument, (await _room.PullFaultAsync(reference)).Code);

    private sealed class Listener(Action<PullProgress> tell) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => tell(value);
    }

    private sealed class Gone : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => throw new InvalidOperationException("the client has gone");
    }
}
