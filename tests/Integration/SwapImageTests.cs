using System.Text.Json.Nodes;
using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using static ShimRuntime.Integration.Tests.SwapTests;

namespace ShimRuntime.Integration.Tests;

/// <summary>Hot swap to another image: what the node allows, what the world sees when, and what is kept for the way back.</summary>
public sealed class SwapImageTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private HotSwap.HotSwapClient HotSwap => Daemon.Client.HotSwap;

    [Fact]
    public async Task AtCommitTheImageIsTheNewOneAndTheWayBackIsPinnedUntilProbationEnds()
    {
        var (old, next) = (await PushAsync("swap/app", "1"), await PushAsync("swap/app", "2"));
        await Daemon.PullAsync(old.Reference);
        await Daemon.PullAsync(Named(next));
        var container = await RunAsync("", c => Of(c, old));
        await container.LoggedAsync("version 1");
        await container.ExecAsync("echo mine > /written");

        var swap = container.Swap(To(next, 60_000));
        await swap.EnteredAsync(Phase.Commit);
        var status = await container.StatusAsync();
        Assert.Equal((next.ConfigDigest, Named(next)), (status.ImageId, status.ImageRef));
        Assert.Equal(next.ConfigDigest, (await Runtime.ListContainersAsync(new ListContainersRequest())).Containers.Single(c => c.Id == container.Id).ImageId);
        await container.LoggedAsync("version 2");
        Assert.Equal("fresh", await container.ExecAsync("test -e /written && echo kept || echo fresh"));

        await swap.EnteredAsync(Phase.Probation);
        Assert.All((await Images.ListImagesAsync(new ListImagesRequest())).Images.Where(i => i.Id == old.ConfigDigest || i.Id == next.ConfigDigest), i => Assert.True(i.Pinned));
        await RefusedAsync(StatusCode.FailedPrecondition, Images.RemoveImageAsync(Spec(old.ConfigDigest)), "pinned", "swap");
        await HotSwap.RollbackAsync(new RollbackRequest { ContainerId = container.Id });
        Assert.Equal(Outcome.Reverted, (await swap.EndAsync()).Outcome);
        Assert.Equal(old.ConfigDigest, (await container.StatusAsync()).ImageId);
        Assert.Equal("mine", await container.ExecAsync("cat /written"));
        Assert.All((await Images.ListImagesAsync(new ListImagesRequest())).Images, i => Assert.False(i.Pinned));
    }

    [Fact]
    public async Task AfterProbationTheOldImageAndItsWritableLayerAreGone()
    {
        var (old, next) = (await PushAsync("swap/app", "1"), await PushAsync("swap/app", "2"));
        await Daemon.PullAsync(old.Reference);
        await Daemon.PullAsync(Named(next));
        var container = await RunAsync("", c => Of(c, old));
        await SwapAsync(container, To(next, 0));
        await Images.RemoveImageAsync(Spec(old.ConfigDigest));
        Assert.Single(Directory.GetDirectories(Path.Combine(World.State, "c", container.Id[..16]), "rootfs*"));
        Assert.Single((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
        await Daemon.RestartAsync();
        Assert.Equal((ContainerState.ContainerRunning, next.ConfigDigest), ((await container.StatusAsync()).State, (await container.StatusAsync()).ImageId));
        await SwapAsync(container, Quick()); // the image that it has now, without being named again
        Assert.Equal(next.ConfigDigest, (await container.StatusAsync()).ImageId);
    }

    [Fact]
    public async Task ByDefaultOnlyADigestOfTheSameRepositoryIsAllowed()
    {
        var (old, next, other) = (await PushAsync("swap/app", "1"), await PushAsync("swap/app", "2"), await PushAsync("swap/other", "3"));
        var root = await PushAsync("swap/app", "4", "alice");
        foreach (var reference in new[] { old.Reference, next.Reference, Named(other), Named(root) }) await Daemon.PullAsync(reference);
        var container = await RunAsync("", c => Of(c, old));
        var pid = await container.PidAsync();
        await RefusedAsync(container, To(next, 0, next.Reference), StatusCode.FailedPrecondition, "by digest");
        await RefusedAsync(container, To(other, 0), StatusCode.FailedPrecondition, "repository");
        await RefusedAsync(container, To(other, 0, other.ConfigDigest), StatusCode.FailedPrecondition, "repository");
        await RefusedAsync(container, To(root, 0), StatusCode.FailedPrecondition, "1000:1000 instead of 0:0");
        var keep = To(next, 0, next.ConfigDigest);
        keep.Rootfs = Rootfs.Keep;
        await RefusedAsync(container, keep, StatusCode.InvalidArgument, "KEEP");
        Assert.Equal(pid, await container.PidAsync());
        await SwapAsync(container, To(next, 0, next.ConfigDigest));
    }

    [Fact]
    public async Task AFreshLayerForgetsWhatWasWritten()
    {
        var container = await RunAsync("test -e /written && echo kept || echo fresh; touch /written; sleep 1000");
        await container.LoggedAsync("fresh");
        await SwapAsync(container, Quick());
        await container.LoggedAsync("kept");
        var request = Quick();
        request.Rootfs = Rootfs.Fresh;
        await SwapAsync(container, request);
        await Eventually.True(() => container.Log().Lines() is ["fresh", "kept", "fresh"], "the layer is fresh");
        await SwapAsync(container, Quick());
        await Eventually.True(() => container.Log().Lines() is ["fresh", "kept", "fresh", "kept"], "and is kept again");
    }

    private static async Task<PushedImage> PushAsync(string repository, string version, string? user = null)
    {
        var image = (await TestImages.OnBusyboxAsync()).With("Cmd", new JsonArray("sh", "-c", $"echo version {version}; while :; do sleep 0.1; done"));
        if (user is not null) image.With("User", user);
        return await image.PushAsync(await Registry.SharedAsync(), repository, version);
    }

    private static void Of(ContainerConfig config, PushedImage image)
    {
        config.Image = new ImageSpec { Image = image.Reference };
        config.Command.Clear();
    }

    private static string Named(PushedImage image) => $"{image.Repository}@{image.ManifestDigest}";

    private static SwapRequest To(PushedImage image, long probation, string? name = null)
    {
        var request = Quick();
        (request.Patch.Image, request.ProbationMilliseconds, request.Drain.TimeoutMilliseconds) = (name ?? Named(image), probation, 100);
        return request;
    }

    private static RemoveImageRequest Spec(string image) => new() { Image = new ImageSpec { Image = image } };

    private static Task RefusedAsync(Container container, SwapRequest request, StatusCode code, string words) =>
        Faults.ExpectAsync(code, () => container.Swap(request).EndAsync(), words);
}
