using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Many at once.</summary>
public sealed class ScaleTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task FiftyPodsInParallelFromNothingToNothing()
    {
        var containers = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            var pod = await RunPodAsync(p => p.Labels["n"] = $"{i}");
            return await pod.RunAsync($"echo {i}; sleep 1000", c => c.Envs.Add(new KeyValue { Key = "CANARY", Value = Google.Protobuf.ByteString.CopyFromUtf8($"canary-{i}") }));
        }));
        var addresses = await Task.WhenAll(containers.Select(c => c.Pod.IpAsync()));
        Assert.Equal(50, addresses.Distinct().Count());
        for (var i = 0; i < containers.Length; i++)
        {
            await containers[i].LoggedAsync($"{i}");
            // No environment of another container, nowhere in its own.
            var environment = Processes.Read(await containers[i].PidAsync(), "environ").Split('\0');
            Assert.Equal([$"CANARY=canary-{i}"], environment.Where(e => e.Contains("canary", StringComparison.OrdinalIgnoreCase)));
        }

        Assert.Equal(50, (await Runtime.ListContainerStatsAsync(new ListContainerStatsRequest())).Stats.Count);
        await Daemon.RestartAsync();
        Assert.Equal(50, (await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest
        {
            Filter = new PodSandboxFilter { State = new PodSandboxStateValue { State = PodSandboxState.SandboxReady } },
        })).Items.Count);
        await Task.WhenAll(containers.Select(async c =>
        {
            await c.Pod.StopAsync();
            await c.Pod.RemoveAsync();
        }));
        Assert.Empty((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
        Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
    }

    [Fact]
    public async Task AShortContainerOverAndOverLeaksNothing()
    {
        var pod = await RunPodAsync();
        for (var i = 0; i < 25; i++)
        {
            var container = await pod.RunAsync("true", c => c.Metadata = new ContainerMetadata { Name = "again", Attempt = (uint)i });
            Assert.Equal(0, (await container.ExitedAsync()).ExitCode);
            await container.RemoveAsync();
        }
    }
}
