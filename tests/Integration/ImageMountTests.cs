using System.Text.Json.Nodes;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Images as mounts (CRI's Mount.image): what kubelet's image volumes become.</summary>
public sealed class ImageMountTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task AnImageIsMountedReadOnlyAndSoIsAPartOfIt()
    {
        var id = await PullDataAsync();
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Mounts.Add(Asked(id, "/whole"));
            c.Mounts.Add(Asked(id, "/part", "models/v2"));
            c.Mounts.Add(Asked(id, "/etc/one.conf", "models/v2/config"));
        });
        Assert.Equal("top base v2 v2", await container.ExecAsync("echo $(cat /whole/a /whole/b /part/config /etc/one.conf)"));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/whole/x")).ExitCode);
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/part/x")).ExitCode);
        var mounts = (await container.StatusAsync()).Mounts;
        // By this kubelet's image collection knows that the image is in use.
        Assert.Equal((id, "models/v2"), (mounts[1].Image.Image, mounts[1].ImageSubPath));
        foreach (var line in (await container.ExecAsync("grep -E ' /(whole|part) ' /proc/self/mountinfo")).Split('\n'))
        {
            Assert.Superset(new HashSet<string> { "ro", "nosuid", "nodev" }, line.Split(' ')[5].Split(',').ToHashSet());
        }
    }

    [Fact]
    public async Task ItOutlivesItsImageAndTheDaemonAndGoesWithItsContainer()
    {
        var id = await PullDataAsync();
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("sleep 1000", c => c.Mounts.Add(Asked(id, "/data")));
        await Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = id } });
        await Daemon.RestartAsync();
        Assert.Equal("top", await container.ExecAsync("cat /data/a"));
        await Faults.ExpectAsync(
            StatusCode.NotFound, () => pod.CreateAsync("true", c => c.Mounts.Add(Asked(id, "/data"))), "ImageVolumeMountFailed", "mounts[0].image");
        await container.RemoveAsync();
        Assert.DoesNotContain(LeakCheck.MountsOf(World), m => m.Contains("/mounts/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("absent", "does not exist")]
    [InlineData("out", "leads out of the image")]
    [InlineData("out/shadow", "leads out of the image")]
    [InlineData("loop", "loop")]
    [InlineData("models/../../..", "..")]
    [InlineData("/models", "absolute")]
    public async Task APartThatIsNoneIsRefusedAndLeavesNothing(string subPath, string word)
    {
        var id = await PullDataAsync();
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(
            StatusCode.InvalidArgument, () => pod.CreateAsync("true", c => c.Mounts.Add(Asked(id, "/data", subPath))), "mounts[0].image_sub_path", word);
        Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
        Assert.DoesNotContain(LeakCheck.MountsOf(World), m => m.Contains("/mounts/", StringComparison.Ordinal));
    }

    private static Mount Asked(string image, string path, string subPath = "") =>
        new() { ContainerPath = path, Image = new ImageSpec { Image = image }, ImageSubPath = subPath, Readonly = true };

    private async Task<string> PullDataAsync()
    {
        var bottom = new LayerBuilder().File("a", "base\n").File("b", "base\n").Directory("models").File("models/v1", "v1\n");
        var top = new LayerBuilder().File("a", "top\n").Directory("models/v2").File("models/v2/config", "v2\n")
            .Symlink("out", "../../../../../../etc").Symlink("loop", "loop").Device("null", 1, 3, "666");
        var pushed = await new ImageBuilder().Layer(bottom).Layer(top).With("Cmd", new JsonArray("none")).PushAsync(await Registry.SharedAsync(), "data/mounted");
        return await Daemon.PullAsync(pushed.Reference);
    }
}
