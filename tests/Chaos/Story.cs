using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Chaos.Tests;

/// <summary>A way through the house, short, so that a point is met soon; at its end nothing is left of it.</summary>
public sealed record Story(string Name, Func<Life, Task> TellAsync)
{
    private const string ExecOutput = "from within\n";
    private const int ExecCode = 3;

    /// <summary>Short ones first: a point is walked in the first that meets it.</summary>
    public static IReadOnlyList<Story> All { get; } =
    [
        new("pod", PodAsync),
        new("pod-init", PodInitAsync),
        new("user-namespace", UserNamespaceAsync),
        new("pull", PullAsync),
        new("container", ContainerAsync),
        new("restart", RestartAsync),
        new("exec", ExecAsync),
        new("streams", StreamsAsync),
        new("update", UpdateAsync),
        new("swap", SwapAsync),
        new("upgrade", UpgradeAsync),
        new("shim-upgrade", UpgradeShimAsync),
    ];

    private static async Task PodAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RemovePodAsync();
    }

    private static async Task PodInitAsync(Life life)
    {
        await life.RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Pod);
        await life.RemovePodAsync();
    }

    private static async Task UserNamespaceAsync(Life life)
    {
        var ids = new IDMapping { HostId = 100_000, ContainerId = 0, Length = 65_536 };
        await life.RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.UsernsOptions =
            new UserNamespace { Mode = NamespaceMode.Pod, Uids = { ids }, Gids = { ids } });
        await life.RunAsync();
        await life.RemovePodAsync();
    }

    private static async Task PullAsync(Life life)
    {
        var registry = await Registry.SharedAsync();
        var image = await new ImageBuilder().Layer(new LayerBuilder().File("one", life.Name)).Layer(new LayerBuilder().File("two", "2"))
            .PushAsync(registry, $"chaos/{life.Name}");
        var before = await ImagesAsync(life);
        await life.Node.CallAsync("PullImage", () => life.Daemon.PullAsync(image.Reference));
        Assert.Equal(before + 1, await ImagesAsync(life));
        await life.Node.CallAsync("RemoveImage", async () =>
            await life.Daemon.Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = image.Reference } }));
        Assert.Equal(before, await ImagesAsync(life));
    }

    private static async Task ContainerAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RunAsync();
        await life.StopAsync();
        await life.RemoveContainerAsync();
        await life.RemovePodAsync();
    }

    /// <summary>The daemon is killed while the container runs, and once more when it has ended.</summary>
    private static async Task RestartAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RunAsync();
        await life.Daemon.KillAsync();
        await life.Node.ServeAsync();
        await life.RunningAsync();
        await life.StopAsync();
        await life.Daemon.KillAsync();
        await life.Node.ServeAsync();
        await life.ContainersAreAsync(ContainerState.ContainerExited);
        await life.RemovePodAsync();
    }

    private static async Task ExecAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RunAsync();
        await life.DoAsync("ExecSync", async () =>
        {
            var result = await life.Container.ExecSyncAsync(20, "/bin/sh", "-c", $"echo from within; exit {ExecCode}");
            Assert.Equal((ExecCode, ExecOutput), (result.ExitCode, result.Stdout.ToStringUtf8()));
        });
        await life.RemovePodAsync();
    }

    private static async Task StreamsAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RunAsync();
        await life.DoAsync("Exec", () => WholeAsync(life, async () =>
        {
            await using var exec = await RemoteCommand.ExecAsync(life.Container, new(), "/bin/sh", "-c", $"echo from within; exit {ExecCode}");
            Assert.Equal(ExecCode, await exec.ExitCodeAsync());
            Assert.Equal(ExecOutput, exec.Stdout.Text());
        }));
        await life.DoAsync("Attach", () => WholeAsync(life, async () =>
        {
            await using var attach = await RemoteCommand.AttachAsync(life.Container, new());
        }));
        await life.RemovePodAsync();
    }

    /// <summary>A stream that breaks where a fault may have broken it is told as a call that failed.</summary>
    private static async Task WholeAsync(Life life, Func<Task> stream)
    {
        try
        {
            await stream();
        }
        catch (Exception e) when (e is not RpcException && life.Node.Forgiven > 0)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, e.Message));
        }
    }

    private static async Task UpdateAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RunAsync();
        await life.DoAsync("UpdateContainerResources", async () => await life.Daemon.Runtime.UpdateContainerResourcesAsync(
            new UpdateContainerResourcesRequest { ContainerId = life.Container.Id, Linux = new LinuxContainerResources { MemoryLimitInBytes = 64 << 20 } }));
        await life.DoAsync("ReopenContainerLog", () => life.Container.ReopenLogAsync());
        await life.RemovePodAsync();
    }

    private static async Task SwapAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RunAsync();
        var patch = new Patch { Env = { new Variable { Name = "V", Value = "2" } } };
        var request = new SwapRequest
        {
            Patch = patch, Ready = new Readiness { Kind = Kind.Delay, PeriodMilliseconds = 1 }, Drain = new Drain { TimeoutMilliseconds = 5000 },
        };
        var end = new SwapEvent();
        do
        {
            request.RequestId = $"swap-{life.Daemon.NextSerial()}"; // the same one would be told what has come of it
            await life.DoAsync("Swap", async () => end = await life.Container.SwapAfterPauseAsync(request));
        }
        while (end.Outcome is Outcome.Undone or Outcome.Reverted && life.Node.Forgiven-- > 0);

        Assert.True(end.Outcome is Outcome.Swapped or Outcome.Ended, $"{end.Outcome}: {end.Cause}");
        await life.RunningAsync();
        await life.StopAsync();
        await life.RemovePodAsync();
    }

    private static async Task UpgradeAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RunAsync();
        await life.Node.CallAsync("UpgradeDaemon", async () =>
        {
            await life.Daemon.Client.Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest());
        });
        await life.Node.ServeAsync();
        await life.RunningAsync();
        await life.StopAsync();
        await life.RemovePodAsync();
    }

    /// <summary>What is not exchanged goes on as it was, so the upgrade is asked for again.</summary>
    private static async Task UpgradeShimAsync(Life life)
    {
        await life.RunPodAsync();
        await life.RunAsync();
        await life.DoAsync("UpgradeShims", async () =>
        {
            var step = Assert.Single(await life.Daemon.UpgradeShimsAsync("", life.Container.Id));
            if (step.Outcome != UpgradedShim.Types.Outcome.Upgraded)
                throw new RpcException(new Status(StatusCode.Unavailable, $"{step.Outcome}: {step.Cause}"));
        });
        await life.RunningAsync();
        await life.StopAsync();
        await life.RemovePodAsync();
    }

    private static async Task<int> ImagesAsync(Life life) => await life.Node.CallAsync(
        "ListImages", async () => (await life.Daemon.Images.ListImagesAsync(new ListImagesRequest())).Images.Count);
}
