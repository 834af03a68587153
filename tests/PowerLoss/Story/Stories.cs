using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.PowerLoss.Tests.Story;

/// <summary>What a daemon is asked while its calls are recorded. Things are left standing at the end: the last moment has to be worth a power loss.</summary>
public static class Stories
{
    public static async Task PullAsync(Client client, StoryImages images) => await client.PullAsync(images.First.Reference);

    public static async Task WholeAsync(Client client, StoryImages images)
    {
        var pod = await client.RunPodAsync("node", NamespaceMode.Node);
        var first = await client.PullAsync(images.First.Reference);
        var second = await client.PullAsync($"{images.Second.Repository}@{images.Second.ManifestDigest}");
        var swapped = await client.RunAsync(pod, first, null);
        var stopped = await client.RunAsync(pod, first, "while :; do sleep 0.1; done");
        var created = await client.CreateAsync(pod, first, "exit 0");
        var unused = await client.CreateAsync(pod, first, "exit 0");
        Assert.Equal(0, (await stopped.ExecSyncAsync(10, "/bin/sh", "-c", "echo hello > /tmp/file")).ExitCode);
        await stopped.StopAsync(0);
        await client.SeeExitAsync(stopped);
        await client.RemoveAsync(stopped);
        await swapped.Pod.Daemon.Runtime.UpdateContainerResourcesAsync(
            new UpdateContainerResourcesRequest { ContainerId = swapped.Id, Linux = new LinuxContainerResources { CpuShares = 512 } });
        await client.SwapAsync(swapped, Swap(second), second);
        await swapped.ExecSyncAsync(10, "touch", "/go");
        Assert.Equal(7, (await client.SeeExitAsync(swapped)).ExitCode);
        await client.RemoveAsync(unused);
        await pod.StopAsync();
        var archived = await client.ImportAsync(images.Archive);
        await NetworkedAsync(client, archived);
        await client.RemovePodAsync(pod, swapped, created);
        await client.RemoveImageAsync(second);
    }

    /// <summary>A pod with an address, one container that has ended and one that runs; and one that is taken down.</summary>
    private static async Task NetworkedAsync(Client client, string image)
    {
        var brief = await client.RunPodAsync("brief", NamespaceMode.Pod);
        var gone = await client.RunAsync(brief, image, "exit 3");
        await client.SeeExitAsync(gone);
        await client.RemovePodAsync(brief, gone);
        var pod = await client.RunPodAsync("pod", NamespaceMode.Pod);
        var ended = await client.RunAsync(pod, image, "exit 4");
        await client.RunAsync(pod, image, "while :; do sleep 1; done");
        Assert.Equal(4, (await client.SeeExitAsync(ended)).ExitCode);
    }

    private static SwapRequest Swap(string image) => new()
    {
        Patch = new Patch { Image = image },
        Ready = new Readiness { Kind = Readiness.Types.Kind.Delay, PeriodMilliseconds = 1 },
        ProbationMilliseconds = 100,
        Drain = new Drain { TimeoutMilliseconds = 100 },
    };
}
