using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>ContainerStats, PodSandboxStats, their lists and streams: figures that follow what the containers do.</summary>
public sealed class StatsTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const ulong Mebibyte = 1024 * 1024;

    [Fact]
    public async Task EveryFieldThatALinuxNodeHasIsFilled()
    {
        var pod = await RunPodAsync(c => Annotate(c.Labels, c.Annotations));
        var container = await pod.RunAsync("sleep 1000", c =>
        {
            Annotate(c.Labels, c.Annotations);
            c.Linux.Resources.MemoryLimitInBytes = 64 << 20;
        });
        var stats = await container.StatsAsync();
        Assert.Equal((container.Id, container.Config.Metadata, "v"), (stats.Attributes.Id, stats.Attributes.Metadata, stats.Attributes.Annotations["k"]));
        Check(stats.Cpu);
        Check(stats.Memory);
        Assert.Equal(64 * Mebibyte, stats.Memory.AvailableBytes.Value + stats.Memory.WorkingSetBytes.Value);
        Assert.True(stats.Swap.Timestamp > 0 && stats.Swap.SwapUsageBytes is not null && stats.Swap.SwapAvailableBytes is not null, $"{stats}");
        Assert.True(stats.WritableLayer is { Timestamp: > 0, UsedBytes.Value: > 0, InodesUsed.Value: > 0, FsId.Mountpoint.Length: > 0 }, $"{stats}");

        var podStats = (await Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = pod.Id })).Stats;
        Assert.Equal((pod.Id, pod.Config.Metadata, "v"), (podStats.Attributes.Id, podStats.Attributes.Metadata, podStats.Attributes.Annotations["k"]));
        Check(podStats.Linux.Cpu);
        Check(podStats.Linux.Memory);
        Assert.Equal("eth0", podStats.Linux.Network.DefaultInterface.Name);
        Assert.DoesNotContain(podStats.Linux.Network.Interfaces, i => i.Name is "lo" or "eth0");
        Assert.Equal(1UL, podStats.Linux.Process.ProcessCount.Value);
        Assert.Equal(container.Id, Assert.Single(podStats.Linux.Containers).Attributes.Id);
        var pressure = new[] { stats.Cpu.Psi, stats.Memory.Psi, stats.Io?.Psi, podStats.Linux.Cpu.Psi, podStats.Linux.Memory.Psi, podStats.Linux.Io?.Psi };
        Assert.All(pressure, p => Assert.Equal(HasPressure, p is { Some: not null, Full: not null }));
    }

    [Fact]
    public async Task TheRateOfABusyLoopIsItsQuotaForEveryClient()
    {
        var container = await RunAsync("while :; do :; done", c => c.Linux.Resources = new LinuxContainerResources { CpuPeriod = 100_000, CpuQuota = 20_000 });
        // The first answer counts from the start, the next ones between samples. Others use the same two cores: never more, mostly no less.
        var rates = new List<ulong>();
        for (var i = 0; i < 12; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1));
            rates.Add((await container.StatsAsync()).Cpu.UsageNanoCores.Value);
        }

        // The first second also has what runc spent on the start.
        Assert.InRange(rates[0], 20_000_000UL, 900_000_000UL);
        Assert.All(rates.Skip(1), r => Assert.InRange(r, 20_000_000UL, 260_000_000UL));
        var idle = await RunAsync("sleep 1000");
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(0UL, (await idle.StatsAsync()).Cpu.UsageNanoCores.Value / 500_000_000);
    }

    [Fact]
    public async Task AnIdleContainerHasNoRateAfterARestartOfTheDaemonThoughItWasBusyBefore()
    {
        var container = await RunAsync("n=0; while [ $n -lt 400000 ]; do n=$((n+1)); done; echo idle; sleep 1000");
        await container.LoggedAsync("idle", TimeSpan.FromSeconds(90));
        await Daemon.RestartAsync();
        await Task.Delay(TimeSpan.FromSeconds(2));
        Assert.InRange((await container.StatsAsync()).Cpu.UsageNanoCores.Value, 0UL, 5_000_000UL);
    }

    [Fact]
    public async Task TheWorkingSetFollowsWhatIsAllocated()
    {
        var container = await RunAsync("sleep 1000", c => c.Mounts.Clear());
        var before = await SettledAsync(container);
        await container.ExecAsync("dd if=/dev/zero of=/dev/shm/filled bs=1M count=32 2>/dev/null");
        var after = (await container.StatsAsync()).Memory;
        Assert.InRange(after.WorkingSetBytes.Value, before.WorkingSetBytes.Value + (31 * Mebibyte), before.WorkingSetBytes.Value + (40 * Mebibyte));
        Assert.True(after.PageFaults.Value > before.PageFaults.Value);
        await container.ExecAsync("rm /dev/shm/filled");
        Assert.InRange((await container.StatsAsync()).Memory.WorkingSetBytes.Value, 0UL, before.WorkingSetBytes.Value + (8 * Mebibyte));
    }

    [Fact]
    public async Task AChangedLimitChangesWhatIsAvailable()
    {
        var container = await RunAsync("sleep 1000", c => c.Linux.Resources.MemoryLimitInBytes = 64 << 20);
        await Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest
        {
            ContainerId = container.Id,
            Linux = new LinuxContainerResources { MemoryLimitInBytes = 96 << 20 },
        });
        var memory = (await container.StatsAsync()).Memory;
        Assert.Equal(96 * Mebibyte, memory.AvailableBytes.Value + memory.WorkingSetBytes.Value);
    }

    [Fact]
    public async Task NetworkCountersFollowTheTraffic()
    {
        var (server, client) = (await RunPodAsync(), await RunPodAsync());
        await server.RunAsync("mkdir /www; dd if=/dev/zero of=/www/data bs=1M count=4 2>/dev/null; httpd -f -p 80 -h /www");
        var asking = await client.RunAsync("sleep 1000");
        var before = await NetworkAsync(client);
        var address = await server.IpAsync();
        await Eventually.True(
            async () => (await asking.ExecSyncAsync(20, "wget", "-q", "-O", "/got", $"http://{address}/data")).ExitCode == 0, "the download works");
        var after = await NetworkAsync(client);
        Assert.InRange(after.RxBytes.Value - before.RxBytes.Value, 4 * Mebibyte, 16 * Mebibyte);
        Assert.True(after.TxBytes.Value > before.TxBytes.Value);
        Assert.InRange((await NetworkAsync(server)).TxBytes.Value, 4 * Mebibyte, 32 * Mebibyte);
        var pods = await Runtime.ListPodSandboxStatsAsync(new ListPodSandboxStatsRequest());
        Assert.Equal(2, pods.Stats.Select(s => s.Linux.Network.DefaultInterface.RxBytes.Value).Distinct().Count());
    }

    [Fact]
    public async Task NoThreadOfTheDaemonStaysInAPodsNetworkNamespace()
    {
        var pod = await RunPodAsync();
        for (var i = 0; i < 20; i++) await Runtime.ListPodSandboxStatsAsync(new ListPodSandboxStatsRequest());
        var own = Link($"/proc/{Daemon.Pid}/ns/net");
        Assert.All(Directory.GetDirectories($"/proc/{Daemon.Pid}/task"), t => Assert.Equal(own, Link($"{t}/ns/net")));
        Assert.NotEmpty(pod.Id);
    }

    [Fact]
    public async Task ProcessesAreCountedNotThreadsAndExecsToo()
    {
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("sleep 1000 & sleep 1000; true");
        await Eventually.Value(() => ProcessesAsync(pod), n => n == 3, "sh and two sleeps");
        var exec = container.ExecSyncAsync(30, "/bin/sh", "-c", "while [ ! -e /go ]; do usleep 20000; done");
        await Eventually.Value(() => ProcessesAsync(pod), n => n >= 4, "the exec is one of the pod's");
        await container.ExecAsync("touch /go");
        await exec;
    }

    [Fact]
    public async Task ASharedPodCgroupIsReadForThePod()
    {
        var parent = $"{World.CgroupRoot}/given";
        var pod = await RunPodAsync(c => c.Linux.CgroupParent = parent);
        var empty = (await Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = pod.Id })).Stats.Linux;
        Assert.Equal((0UL, 0UL), (empty.Cpu.UsageCoreNanoSeconds.Value, empty.Process.ProcessCount.Value));
        var container = await pod.RunAsync("n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done; sleep 1000");
        await Eventually.Value(
            async () => (await Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = pod.Id })).Stats.Linux,
            l => l.Cpu.UsageCoreNanoSeconds.Value > 10_000_000 && l.Process.ProcessCount.Value > 0, "the container's use is the pod's");
        Assert.NotEmpty(container.Id);
    }

    [Fact]
    public async Task PodStatsFilterAndOneThatIsUnknownIsNotFound()
    {
        var (one, two) = (await RunPodAsync(c => c.Labels["app"] = "a"), await RunPodAsync(c => c.Labels["app"] = "b"));
        Assert.Equal([one.Id], await IdsAsync(new PodSandboxStatsFilter { LabelSelector = { ["app"] = "a" } }));
        Assert.Equal([two.Id], await IdsAsync(new PodSandboxStatsFilter { Id = two.Id[..20] }));
        Assert.Empty(await IdsAsync(new PodSandboxStatsFilter { Id = one.Id, LabelSelector = { ["app"] = "b" } }));
        await RefusedAsync(Grpc.Core.StatusCode.NotFound, Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = "none" }));
        await RefusedAsync(Grpc.Core.StatusCode.NotFound, Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = "none" }));
    }

    [Fact]
    public async Task StreamsHaveWhatTheListsHave()
    {
        var pods = new[] { await RunPodAsync(), await RunPodAsync() };
        foreach (var pod in pods) await pod.RunAsync("sleep 1000");
        await (await pods[0].RunAsync("true")).ExitedAsync();
        var containers = await CollectAsync(Runtime.StreamContainers(new StreamContainersRequest()), m => m.Containers);
        Assert.Equal(
            (await Runtime.ListContainersAsync(new ListContainersRequest())).Containers.OrderBy(c => c.Id), containers.OrderBy(c => c.Id));
        var sandboxes = await CollectAsync(Runtime.StreamPodSandboxes(new StreamPodSandboxesRequest()), m => m.PodSandboxes);
        Assert.Equal((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items, sandboxes);
        var images = await CollectAsync(Images.StreamImages(new StreamImagesRequest()), m => m.Images);
        Assert.Equal((await Images.ListImagesAsync(new ListImagesRequest())).Images.OrderBy(i => i.Id), images.OrderBy(i => i.Id));
        var stats = await CollectAsync(Runtime.StreamContainerStats(new StreamContainerStatsRequest()), m => m.ContainerStats);
        Assert.Equal(containers.Select(c => c.Id).Order(), stats.Select(s => s.Attributes.Id).Order());
        var podStats = await CollectAsync(Runtime.StreamPodSandboxStats(new StreamPodSandboxStatsRequest()), m => m.PodSandboxStats);
        Assert.Equal(pods.Select(p => p.Id).Order(), podStats.Select(s => s.Attributes.Id).Order());
        var one = await CollectAsync(
            Runtime.StreamContainers(new StreamContainersRequest { Filter = new ContainerFilter { PodSandboxId = pods[1].Id } }), m => m.Containers);
        Assert.Equal(pods[1].Id, Assert.Single(one).PodSandboxId);
        Assert.Empty(await CollectAsync(
            Runtime.StreamContainers(new StreamContainersRequest { Filter = new ContainerFilter { Id = "ffffffff" } }), m => m.Containers));
    }

    private static bool HasPressure => File.Exists("/proc/pressure/cpu") && Cgroups.Hierarchies.Any(h => File.Exists(Path.Combine(h, "cgroup.controllers")));

    private static void Annotate(IDictionary<string, string> labels, IDictionary<string, string> annotations)
    {
        labels["l"] = "v";
        annotations["k"] = "v";
    }

    private static void Check(CpuUsage cpu) =>
        Assert.True(cpu is { Timestamp: > 0, UsageCoreNanoSeconds.Value: > 0, UsageNanoCores: not null }, $"{cpu}");

    private static void Check(MemoryUsage memory) => Assert.True(
        memory is
        {
            Timestamp: > 0, WorkingSetBytes.Value: > 0, UsageBytes.Value: > 0, RssBytes.Value: > 0, PageFaults.Value: > 0, MajorPageFaults: not null,
            AvailableBytes: not null,
        }, $"{memory}");

    private static string? Link(string path) => new FileInfo(path).LinkTarget;

    private async Task<NetworkInterfaceUsage> NetworkAsync(Pod pod) =>
        (await Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = pod.Id })).Stats.Linux.Network.DefaultInterface;

    private async Task<ulong> ProcessesAsync(Pod pod) =>
        (await Runtime.PodSandboxStatsAsync(new PodSandboxStatsRequest { PodSandboxId = pod.Id })).Stats.Linux.Process.ProcessCount.Value;

    private async Task<string[]> IdsAsync(PodSandboxStatsFilter filter) =>
        [.. (await Runtime.ListPodSandboxStatsAsync(new ListPodSandboxStatsRequest { Filter = filter })).Stats.Select(s => s.Attributes.Id)];

    private static async Task<List<TItem>> CollectAsync<TMessage, TItem>(
        Grpc.Core.AsyncServerStreamingCall<TMessage> call, Func<TMessage, IEnumerable<TItem>> items)
    {
        using (call)
        {
            var all = new List<TItem>();
            while (await call.ResponseStream.MoveNext(CancellationToken.None)) all.AddRange(items(call.ResponseStream.Current));
            return all;
        }
    }

    /// <summary>Once what the start and an exec had needed is given back: two answers alike.</summary>
    private static async Task<MemoryUsage> SettledAsync(Container container)
    {
        await container.ExecAsync("true");
        var last = 0UL;
        var settled = await Eventually.Value(
            async () =>
            {
                await Task.Delay(200);
                var before = last;
                var memory = (await container.StatsAsync()).Memory;
                last = memory.WorkingSetBytes.Value;
                return (Memory: memory, Alike: last == before);
            },
            m => m.Alike,
            "the working set stands still");
        return settled.Memory;
    }
}
