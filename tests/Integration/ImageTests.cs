using System.Text.Json.Nodes;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>PullImage, ImageStatus, ListImages, RemoveImage, ImageFsInfo against docker-registry.</summary>
public sealed class ImageTests(DaemonFixture daemon) : NodeTest(daemon)
{
    protected override bool LeavesLeases => true;

    [Fact]
    public async Task TheFourImageIdsAreOneString()
    {
        var pushed = await TestImages.BusyboxAsync();
        var imageRef = await Daemon.PullAsync(pushed.Reference);
        var image = (await StatusAsync(pushed.Reference))!;
        var container = await RunAsync("sleep 1000");
        var status = await container.StatusAsync();
        var listed = (await Runtime.ListContainersAsync(new ListContainersRequest())).Containers.Single();
        Assert.Equal(
            Enumerable.Repeat(pushed.ConfigDigest, 4), [imageRef, image.Id, status.ImageId, listed.ImageId]);
        Assert.Equal([pushed.Reference], image.RepoTags);
        Assert.Equal([$"{pushed.Repository}@{pushed.IndexDigest}"], image.RepoDigests);
        Assert.True(image.Size > 100_000, $"{image.Size}");
    }

    [Fact]
    public async Task AnImageIsFoundByTagDigestAndId()
    {
        var pushed = await TestImages.BusyboxAsync();
        var id = pushed.ConfigDigest;
        foreach (var reference in new[] { pushed.Reference, $"{pushed.Repository}@{pushed.IndexDigest}", id, id["sha256:".Length..] })
        {
            Assert.Equal(id, (await StatusAsync(reference))?.Id);
        }

        Assert.Null(await StatusAsync("registry.invalid/unknown:1"));
        var verbose = await Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = id }, Verbose = true });
        Assert.NotEmpty(verbose.Info);
        var filtered = await Images.ListImagesAsync(new ListImagesRequest { Filter = new ImageFilter { Image = new ImageSpec { Image = pushed.Reference } } });
        Assert.Equal([id], filtered.Images.Select(i => i.Id));
        var none = await Images.ListImagesAsync(new ListImagesRequest { Filter = new ImageFilter { Image = new ImageSpec { Image = "registry.invalid/unknown:1" } } });
        Assert.Empty(none.Images);
    }

    [Fact]
    public async Task UserOfAnImageIsToldByNumberOrName()
    {
        Assert.Equal(4711, (await PullAsync("uid", b => b.With("User", "4711:5")))!.Uid.Value);
        var named = (await PullAsync("name", b => b.With("User", "alice")))!;
        Assert.Equal((null, "alice"), (named.Uid, named.Username));
    }

    [Fact]
    public async Task PullByDigestHasNoTag()
    {
        var pushed = await Marked("digest").PushAsync(await Registry.SharedAsync(), "images/digest");
        var reference = $"{pushed.Repository}@{pushed.ManifestDigest}";
        Assert.Equal(pushed.ConfigDigest, await Daemon.PullAsync(reference));
        var image = (await StatusAsync(reference))!;
        Assert.Empty(image.RepoTags);
        Assert.Equal([reference], image.RepoDigests);
    }

    [Fact]
    public async Task EveryFormatIsTaken()
    {
        var registry = await Registry.SharedAsync();
        var builders = new Dictionary<string, ImageBuilder>
        {
            ["docker"] = Marked("docker").AsDocker(),
            ["plain"] = new ImageBuilder().PlainLayer(new LayerBuilder().File("format", "plain")),
            ["zstd"] = await new ImageBuilder().ZstdLayerAsync(new LayerBuilder().File("format", "zstd")),
            ["index"] = Marked("index").UnderIndex(),
        };
        foreach (var (name, builder) in builders)
        {
            var pushed = await builder.PushAsync(registry, $"images/format-{name}");
            Assert.Equal(pushed.ConfigDigest, await Daemon.PullAsync(pushed.Reference));
        }
    }

    [Fact]
    public async Task LayersWhiteoutsOpaqueDirectoriesLinksAndModesAreRight()
    {
        var lower = new LayerBuilder().Directory("d").File("d/kept", "1").File("d/gone", "1").Directory("d/opaque").File("d/opaque/below", "1")
            .Directory("d/removed").File("d/removed/x", "1").File("d/replaced", "file");
        var upper = new LayerBuilder().Whiteout("d", "gone").Whiteout("d", "removed").Opaque("d/opaque").File("d/opaque/above", "2")
            .Directory("d/replaced").File("d/replaced/inside", "2").File("d/suid", "x", "4755", 1000, 1000).HardLink("d/hard", "d/suid")
            .Symlink("d/soft", "kept").Fifo("d/fifo").Device("d/null", 1, 3, "666").FileWithXattr("d/xattr", "x", "user.test", "value")
            .File("d/" + new string('l', 200), "long").File("d/ünï/x", "u");
        var pushed = await (await TestImages.OnBusyboxAsync()).Layer(lower).Layer(upper).PushAsync(await Registry.SharedAsync(), "images/layers");
        await Daemon.PullAsync(pushed.Reference);
        var container = await RunAsync("sleep 1000", c => c.Image.Image = pushed.Reference);
        Assert.Equal(
            $"fifo hard kept {new string('l', 200)} null opaque replaced soft suid xattr", await container.ExecAsync("cd /d; for f in [a-z]*; do echo $f; done | xargs"));
        Assert.Equal("u", await container.ExecAsync("cat /d/ünï/x"));
        Assert.Equal("above", await container.ExecAsync("ls -A /d/opaque"));
        Assert.Equal("inside", await container.ExecAsync("ls /d/replaced"));
        Assert.Equal("4755 1000 1000 2", await container.ExecAsync("stat -c '%a %u %g %h' /d/suid"));
        Assert.Equal("kept", await container.ExecAsync("readlink /d/soft"));
        Assert.Equal("1 3 666", await container.ExecAsync("stat -c '%t %T %a' /d/null"));
        Assert.Equal("fifo", await container.ExecAsync("[ -p /d/fifo ] && echo fifo"));
    }

    [Fact]
    public async Task ImagesWithACommonLayerShareItAndKeepTheirFilesApart()
    {
        var a = (await PullAsync("share-a", b => b.Layer(new LayerBuilder().File("mark", "a"))))!;
        var before = Directory.GetDirectories(Path.Combine(World.Root, "snapshots")).Length;
        await PullAsync("share-b", b => b.Layer(new LayerBuilder().File("mark", "b")));
        Assert.InRange(Directory.GetDirectories(Path.Combine(World.Root, "snapshots")).Length, before, before + 1);
        var container = await RunAsync("cat /mark; echo; echo changed > /mark; sleep 1000", c => c.Image.Image = a.Id);
        await container.LoggedAsync("a");
        Assert.Equal("a", await OutputAsync("cat /mark", c => c.Image.Image = a.Id));
    }

    [Fact]
    public async Task RemoveByOneTagRemovesAllAndTwiceIsNoError()
    {
        var registry = await Registry.SharedAsync();
        var one = await Marked("tags").PushAsync(registry, "images/tags", "one");
        var two = await Marked("tags").PushAsync(registry, "images/tags", "two");
        await Daemon.PullAsync(one.Reference);
        await Daemon.PullAsync(two.Reference);
        Assert.Equal([one.Reference, two.Reference], (await StatusAsync(one.Reference))!.RepoTags.Order());
        await RemoveAsync(one.Reference);
        Assert.Null(await StatusAsync(two.Reference));
        Assert.Null(await StatusAsync(one.ConfigDigest));
        await RemoveAsync(one.Reference);
        await RemoveAsync("registry.invalid/unknown:1");
    }

    [Fact]
    public async Task ATagThatMovesLeavesTheOldImageWithoutIt()
    {
        var registry = await Registry.SharedAsync();
        var old = await Marked("old").PushAsync(registry, "images/moving");
        await Daemon.PullAsync(old.Reference);
        var moved = await Marked("new").PushAsync(registry, "images/moving");
        Assert.Equal(moved.ConfigDigest, await Daemon.PullAsync(moved.Reference));
        Assert.Equal(moved.ConfigDigest, (await StatusAsync(moved.Reference))!.Id);
        Assert.DoesNotContain(old.Reference, (await StatusAsync(old.ConfigDigest))?.RepoTags ?? []);
    }

    [Fact]
    public async Task AnImageInUseMayBeRemovedAndItsContainerGoesOnAndRestarts()
    {
        var image = (await PullAsync("inuse", b => b.Layer(new LayerBuilder().File("mark", "m"))))!;
        var container = await RunAsync("sleep 1000", c => c.Image.Image = image.Id);
        await RemoveAsync(image.Id);
        Assert.Equal("m", await container.ExecAsync("cat /mark"));
        await Daemon.RestartAsync();
        Assert.Equal("m", await container.ExecAsync("cat /mark"));
        Assert.Equal(image.Id, (await container.StatusAsync()).ImageId);
    }

    [Theory]
    [InlineData("host.test/UPPER:1")]
    [InlineData("a/b:tag:tag")]
    [InlineData("a b")]
    [InlineData("")]
    [InlineData("busybox@sha256:123")]
    [InlineData("../../etc/passwd")]
    [InlineData("-flag")]
    public async Task ABadReferenceIsInvalid(string reference) => await Faults.ExpectAsync(StatusCode.InvalidArgument, () => Daemon.PullAsync(reference));

    [Fact]
    public async Task AMissingImageIsNotFoundAndTheSentenceNamesIt()
    {
        var registry = await Registry.SharedAsync();
        await Faults.ExpectAsync(StatusCode.NotFound, () => Daemon.PullAsync($"{registry.Host}/no/such:1"), "no/such");
        var pushed = await TestImages.BusyboxAsync();
        await Faults.ExpectAsync(StatusCode.NotFound, () => Daemon.PullAsync($"{pushed.Repository}:no-such-tag"), "no-such-tag");
    }

    [Fact]
    public async Task AnImageOfAnotherArchitectureIsRefusedWithItsPlatforms()
    {
        var registry = await Registry.SharedAsync();
        var pushed = await Marked("foreign").UnderIndex().PushAsync(registry, "images/foreign");
        var index = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = ImageBuilder.OciIndex,
            ["manifests"] = new JsonArray(new JsonObject
            {
                ["mediaType"] = ImageBuilder.OciManifest, ["digest"] = pushed.ManifestDigest, ["size"] = 1,
                ["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = "s390x" },
            }),
        };
        await registry.PushManifestAsync("images/foreign", "2", System.Text.Encoding.UTF8.GetBytes(index.ToJsonString()), ImageBuilder.OciIndex);
        var fault = await Assert.ThrowsAsync<RpcException>(() => Daemon.PullAsync($"{pushed.Repository}:2"));
        Assert.Contains("amd64", fault.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TenPullsOfOneImageAreOneDownload()
    {
        await using var proxy = await ProxyAsync();
        var pushed = await Marked("joined", 2_000_000).PushAsync(await Registry.SharedAsync(), "images/joined");
        var reference = $"{proxy.Host}/images/joined:1";
        proxy.Hold();
        var pulls = Enumerable.Range(0, 10).Select(_ => Daemon.PullAsync(reference)).ToArray();
        await Eventually.True(() => proxy.Connections > 0, "a pull has begun");
        proxy.Release();
        Assert.All(await Task.WhenAll(pulls), id => Assert.Equal(pushed.ConfigDigest, id));
        Assert.InRange(proxy.Connections, 1, 8);
    }

    [Fact]
    public async Task ImageFsInfoNamesTheFilesystemThatHoldsTheImages()
    {
        var info = await Images.ImageFsInfoAsync(new ImageFsInfoRequest());
        var images = Assert.Single(info.ImageFilesystems);
        Assert.StartsWith(images.FsId.Mountpoint, World.Root, StringComparison.Ordinal);
        Assert.True(images.Timestamp > 0);
        await Eventually.Value(
            async () => (await Images.ImageFsInfoAsync(new ImageFsInfoRequest())).ImageFilesystems[0], f => f.UsedBytes.Value > 500_000 && f.InodesUsed.Value > 10,
            "used bytes and inodes are known");
        Assert.NotEmpty(info.ContainerFilesystems);
    }

    [Fact]
    public async Task AnImageThatTheSettingsPinIsShownAsPinned()
    {
        var pinned = await PullAsync("pinned", b => b.Layer(new LayerBuilder().File("mark", "pinned")));
        Assert.False(pinned!.Pinned);
        await Daemon.KillAsync();
        Daemon.WriteConfiguration($"pinned_images = [\"{pinned.RepoTags[0]}\"]");
        await Daemon.StartAsync();
        Assert.True((await StatusAsync(pinned.Id))!.Pinned);
        Assert.False((await StatusAsync((await TestImages.BusyboxAsync()).Reference))!.Pinned);
        await Daemon.KillAsync();
        Daemon.WriteConfiguration();
        await Daemon.StartAsync();
        Assert.False((await StatusAsync(pinned.Id))!.Pinned);
    }

    private static ImageBuilder Marked(string content, int padding = 0) =>
        new ImageBuilder().Layer(new LayerBuilder().File("mark", content).File("padding", Random(padding)));

    private static byte[] Random(int count)
    {
        var bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    private async Task<TroubledProxy> ProxyAsync()
    {
        var proxy = new TroubledProxy((await Registry.SharedAsync()).Host);
        World.WriteHosts(proxy.Host, proxy.Address);
        return proxy;
    }

    private async Task<Image?> PullAsync(string name, Func<ImageBuilder, ImageBuilder> change)
    {
        var pushed = await change(await TestImages.OnBusyboxAsync()).PushAsync(await Registry.SharedAsync(), $"images/{name}");
        await Daemon.PullAsync(pushed.Reference);
        return await StatusAsync(pushed.Reference);
    }

    private async Task<Image?> StatusAsync(string reference) =>
        (await Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = reference } })).Image;

    private async Task RemoveAsync(string reference) =>
        await Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = reference } });
}
