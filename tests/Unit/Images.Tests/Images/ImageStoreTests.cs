using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Oci;
using Xunit;

namespace ShimRuntime.Images.Tests.Images;

public sealed class ImageStoreTests : IDisposable
{
    private readonly TempDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void FindsByEveryNameThatCrictlUses()
    {
        var store = Open();
        var record = store.Put(Record("a", "docker.io/library/app:v1"));
        var hex = record.Id[7..];
        string[] names =
        [
            record.Id, hex, hex[..12], "sha256:" + hex[..12], hex[..40], "app:v1", "docker.io/app:v1", "docker.io/library/app:v1",
                "library/app:v1",
            $"app@{record.Manifests[0]}", $"docker.io/library/app@{record.Manifests[0]}", $"app:other@{record.Manifests[0]}",
        ];
        Assert.All(names, name => Assert.Same(record, store.Find(name)));
        string[] strangers = [
            "", "app", "app:v2", hex[..11], "zzzzzzzzzzzz", $"other@{record.Manifests[0]}", record.Id + "0", "App:v1", "sha256:"];
        Assert.All(strangers, name => Assert.Null(store.Find(name)));
    }

    [Fact]
    public void AnAmbiguousPrefixNamesNothing()
    {
        var store = Open();
        store.Put(Record("a", "app:a") with { Id = "sha256:" + new string('a', 63) + "1" });
        store.Put(Record("b", "app:b") with { Id = "sha256:" + new string('a', 63) + "2" });
        Assert.Null(store.Find(new string('a', 20)));
        Assert.NotNull(store.Find(new string('a', 63) + "1"));
    }

    [Fact]
    public void ATagThatLooksLikeAnIdIsTheTag()
    {
        var store = Open();
        var byId = store.Put(Record("a", "docker.io/library/other:latest"));
        var named = store.Put(Record("b", $"docker.io/library/{byId.Id[7..19]}:latest"));
        Assert.Same(named, store.Find(byId.Id[7..19]));
    }

    [Fact]
    public void WhatIsPutIsThereAfterAReopen()
    {
        var record = Open().Put(Record("a", "docker.io/library/app:v1") with
        {
            Config = new ImageConfig
            {
                User = "1:2", Env = [
            "A=b=c"], Labels = new Dictionary<string, string> { ["k"] = "v" }
            }
        });
        var again = Open().Find("app:v1")!;
        Assert.Equal(record.ChainIds.AsEnumerable(), again.ChainIds);
        Assert.Equal((record.Id, record.SizeBytes, record.PulledAt, "1:2"), (again.Id, again.SizeBytes, again.PulledAt, again.Config.User));
        Assert.Equal(["A=b=c"], again.Config.Env);
        Assert.Equal("v", again.Config.Labels!["k"]);
    }

    [Fact]
    public void ANewOwnerTakesTheTagOnDiskToo()
    {
        var store = Open();
        var old = store.Put(Record("a", "docker.io/library/app:v1", "docker.io/library/app:v2"));
        store.Put(Record("b", "docker.io/library/app:v1"));
        foreach (var view in new[] { store, Open() })
        {
            Assert.Equal(Id("b"), view.Find("app:v1")!.Id);
            Assert.Equal(["docker.io/library/app:v2"], view.Find(old.Id)!.RepoTags.AsEnumerable());
        }
    }

    [Fact]
    public void ACrashBetweenTwoRecordsLeavesTheTagWithTheNewer()
    {
        var store = Open();
        store.Put(Record("a", "docker.io/library/app:v1"));
        var stale = File.ReadAllBytes(PathOf("a"));
        store.Put(Record("b", "docker.io/library/app:v1") with { PulledAt = DateTimeOffset.UtcNow.AddSeconds(1) });
        File.WriteAllBytes(PathOf("a"), stale);
        var again = Open();
        Assert.Equal(Id("b"), again.Find("app:v1")!.Id);
        Assert.Empty(again.Find(Id("a"))!.RepoTags);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{\"version\":99,\"image\":null}")]
    [InlineData("[]")]
    public void ATornRecordIsMovedAsideAndTheRestIsThere(string text)
    {
        var store = Open();
        store.Put(Record("a", "docker.io/library/app:a"));
        store.Put(Record("b", "docker.io/library/app:b"));
        File.WriteAllText(PathOf("a"), text);
        var again = Open();
        Assert.Equal(Id("b"), Assert.Single(again.Records).Id);
        Assert.True(File.Exists(PathOf("a") + ".broken"));
        again.Put(Record("a", "docker.io/library/app:a"));
        Assert.Equal(2, Open().Records.Count);
    }

    [Fact]
    public void RemovalIsForAllNamesAndDurable()
    {
        var store = Open();
        var record = store.Put(Record("a", "docker.io/library/app:v1", "docker.io/library/app:v2"));
        Assert.True(store.Remove(record.Id));
        Assert.False(store.Remove(record.Id));
        Assert.Null(store.Find("app:v2"));
        Assert.Empty(Open().Records);
        Assert.Null(store.AddNames(record));
    }

    [Fact]
    public async Task ParallelPutsLoseNothing()
    {
        var store = Open();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => store.Put(Record("a", $"docker.io/library/app:v{i}")))));
        Assert.Equal(20, store.Find("app:v7")!.RepoTags.Length);
        Assert.Equal(20, Open().Find("app:v7")!.RepoTags.Length);
    }

    private ImageStore Open() => ImageStore.Open(_root.Path, _ => false, NullLogger.Instance);

    private string PathOf(string seed) => Path.Combine(_root.Path, "images", Id(seed)[7..] + ".json");

    private static string Id(string seed) => TestImage.Hash([.. System.Text.Encoding.UTF8.GetBytes(seed)]).ToString();

    private static ImageRecord Record(string seed, params string[] tags)
    {
        var manifest = TestImage.Hash([.. System.Text.Encoding.UTF8.GetBytes("manifest " + seed)]);
        return new ImageRecord
        {
            Id = Id(seed),
            Manifests = [manifest],
            RepoTags = [.. tags],
            RepoDigests = [$"docker.io/library/{(seed == "a" ? "app" : seed)}@{manifest}"],
            SizeBytes = 7,
            ChainIds = [manifest],
            Config = new ImageConfig(),
            PulledAt = DateTimeOffset.UtcNow,
        };
    }
}
