using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Limits as cgroupfs shows them, UpdateContainerResources, the OOM verdict, ContainerStats and ListContainerStats.</summary>
public sealed class ResourceTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const long Mebibyte = 1 << 20;

    [Fact]
    public async Task LimitsStandOnTheContainerCgroupAndOnItsLeaf()
    {
        var container = await RunAsync("sleep 1000", c => c.Linux.Resources = new LinuxContainerResources
        {
            CpuShares = 512, CpuQuota = 50_000, CpuPeriod = 100_000, MemoryLimitInBytes = 64 * Mebibyte, CpusetCpus = "0",
        });
        foreach (var cgroup in new[] { container.Cgroup, container.Leaf })
        {
            Assert.Equal(64 * Mebibyte, Cgroups.MemoryLimit(cgroup));
            Assert.Equal("50000 100000", Cgroups.CpuQuota(cgroup));
            Assert.Equal("0", Cgroups.Read("cpuset", cgroup, "cpuset.cpus"));
            if (!Cgroups.IsUnified) Assert.Equal(512, Cgroups.CpuShares(cgroup));
        }

        Assert.Equal(container.Leaf, Cgroups.Of(await container.PidAsync(), "memory"));
        var status = (await container.StatusAsync()).Resources.Linux;
        Assert.Equal((512L, 50_000L, 64 * Mebibyte), (status.CpuShares, status.CpuQuota, status.MemoryLimitInBytes));
    }

    [Fact]
    public async Task UpdateRaisesAndLowersAndSurvivesARestart()
    {
        var container = await RunAsync("sleep 1000", c => c.Linux.Resources = new LinuxContainerResources { MemoryLimitInBytes = 64 * Mebibyte, CpuShares = 512 });
        foreach (var mebibytes in new[] { 128, 32 })
        {
            await UpdateAsync(container, new LinuxContainerResources { MemoryLimitInBytes = mebibytes * Mebibyte, CpuQuota = mebibytes * 1000, CpuPeriod = 100_000 });
            foreach (var cgroup in new[] { container.Cgroup, container.Leaf })
            {
                Assert.Equal(mebibytes * Mebibyte, Cgroups.MemoryLimit(cgroup));
                Assert.Equal($"{mebibytes * 1000} 100000", Cgroups.CpuQuota(cgroup));
            }
        }

        await Daemon.RestartAsync();
        var status = (await container.StatusAsync()).Resources.Linux;
        Assert.Equal((512L, 32_000L, 32 * Mebibyte), (status.CpuShares, status.CpuQuota, status.MemoryLimitInBytes));
    }

    [Fact]
    public async Task AnUpdateOfACreatedContainerIsInForceWhenItStarts()
    {
        var container = await (await RunPodAsync()).CreateAsync("sleep 1000", c => c.Linux.Resources.MemoryLimitInBytes = 64 * Mebibyte);
        await UpdateAsync(container, new LinuxContainerResources { MemoryLimitInBytes = 96 * Mebibyte });
        await container.StartAsync();
        Assert.Equal(96 * Mebibyte, Cgroups.MemoryLimit(container.Cgroup));
        Assert.Equal(96 * Mebibyte, Cgroups.MemoryLimit(container.Leaf));
    }

    [Fact]
    public async Task HugepagesAreLimitedWhereTheMachineCanAndRefusedWhereItCannot()
    {
        var limit = new HugepageLimit { PageSize = "2MB", Limit = (ulong)(4 * Mebibyte) };
        var pod = await RunPodAsync();
        // On a hybrid machine the controller may be on the v2 mount alone, where runc does not look.
        var canLimit = Cgroups.IsUnified
            ? (await File.ReadAllTextAsync("/sys/fs/cgroup/cgroup.controllers")).Contains("hugetlb", StringComparison.Ordinal)
            : Directory.Exists("/sys/fs/cgroup/hugetlb");
        if (!canLimit)
        {
            await Faults.ExpectAsync(
                StatusCode.FailedPrecondition, () => pod.CreateAsync("true", c => c.Linux.Resources.HugepageLimits.Add(limit)), "hugepage_limits", "2MB");
            limit.Limit = 0; // what kubelet sends for every page size of a machine
        }

        var container = await pod.RunAsync("sleep 1000", c => c.Linux.Resources.HugepageLimits.Add(limit));
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        if (!canLimit) return;
        foreach (var cgroup in new[] { container.Cgroup, container.Leaf })
            Assert.Equal($"{4 * Mebibyte}", Cgroups.Read("hugetlb", cgroup, Cgroups.IsUnified ? "hugetlb.2MB.max" : "hugetlb.2MB.limit_in_bytes"));
    }

    [Fact]
    public async Task AnUpdateThatCannotBeDoneChangesNothing()
    {
        var container = await RunAsync("sleep 1000", c => c.Linux.Resources = new LinuxContainerResources { CpuQuota = 20_000, CpuPeriod = 100_000 });
        var impossible = new LinuxContainerResources { CpuQuota = 30_000, CpuPeriod = 100_000, CpusetCpus = "9999" };
        var fault = await Assert.ThrowsAsync<RpcException>(() => UpdateAsync(container, impossible));
        Assert.Equal(StatusCode.InvalidArgument, fault.StatusCode);
        Assert.Equal("20000 100000", Cgroups.CpuQuota(container.Cgroup));
        Assert.Equal("20000 100000", Cgroups.CpuQuota(container.Leaf));
    }

    [Fact]
    public async Task AnUpdateOfAnExitedContainerIsRefused()
    {
        var container = await RunAsync("true");
        await container.ExitedAsync();
        await Faults.ExpectAsync(
            StatusCode.FailedPrecondition, () => UpdateAsync(container, new LinuxContainerResources { CpuShares = 100 }), container.Id);
    }

    [Fact]
    public async Task StatusTellsWhatTheCgroupSays()
    {
        var container = await RunAsync("sleep 1000", c => c.Linux.Resources = new LinuxContainerResources { MemoryLimitInBytes = 64 * Mebibyte });
        var directory = Cgroups.Directory("cpu", container.Cgroup);
        if (Cgroups.IsUnified) await File.WriteAllTextAsync(Path.Combine(directory, "cpu.max"), "30000 100000");
        else await File.WriteAllTextAsync(Path.Combine(directory, "cpu.cfs_quota_us"), "30000");
        var status = (await container.StatusAsync()).Resources.Linux;
        Assert.Equal((30_000L, 100_000L, 64 * Mebibyte), (status.CpuQuota, status.CpuPeriod, status.MemoryLimitInBytes));
    }

    [Fact]
    public async Task APodsResourcesAreWrittenToACgroupOfOurs()
    {
        var pod = await RunPodAsync();
        var request = new UpdatePodSandboxResourcesRequest
        {
            PodSandboxId = pod.Id,
            Overhead = new LinuxContainerResources { MemoryLimitInBytes = 16 * Mebibyte },
            Resources = new LinuxContainerResources { MemoryLimitInBytes = 64 * Mebibyte, CpuQuota = 50_000, CpuPeriod = 100_000 },
        };
        await Runtime.UpdatePodSandboxResourcesAsync(request);
        var cgroup = $"{World.CgroupRoot}/{pod.Id}";
        Assert.Equal(80 * Mebibyte, Cgroups.MemoryLimit(cgroup));
        Assert.Equal("50000 100000", Cgroups.CpuQuota(cgroup));
        await Daemon.RestartAsync();
        var info = (await pod.ResponseAsync(true)).Info["info"];
        Assert.Contains("\"memory_limit_in_bytes\":16777216", info, StringComparison.Ordinal);
        Assert.Contains("\"memory_limit_in_bytes\":67108864", info, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APodsResourcesAreNotWrittenToACgroupOfKubelets()
    {
        var parent = $"{World.CgroupRoot}/kubelets-{Guid.NewGuid():N}";
        foreach (var hierarchy in Cgroups.Hierarchies) Directory.CreateDirectory(hierarchy + parent);
        var pod = await RunPodAsync(p => p.Linux.CgroupParent = parent);
        var before = Cgroups.MemoryLimit(parent);
        await Runtime.UpdatePodSandboxResourcesAsync(new UpdatePodSandboxResourcesRequest
        {
            PodSandboxId = pod.Id, Resources = new LinuxContainerResources { MemoryLimitInBytes = 64 * Mebibyte },
        });
        Assert.Equal(before, Cgroups.MemoryLimit(parent));
        await pod.RemoveAsync();
        foreach (var hierarchy in Cgroups.Hierarchies) Directory.Delete(hierarchy + parent);
    }

    [Fact]
    public async Task APodsBadResourcesAreRefusedByName()
    {
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(
            StatusCode.InvalidArgument,
            () => Runtime.UpdatePodSandboxResourcesAsync(new UpdatePodSandboxResourcesRequest
            {
                PodSandboxId = pod.Id, Overhead = new LinuxContainerResources { CpuQuota = -7 },
            }).ResponseAsync,
            "overhead");
        await Faults.ExpectAsync(
            StatusCode.NotFound,
            () => Runtime.UpdatePodSandboxResourcesAsync(new UpdatePodSandboxResourcesRequest { PodSandboxId = new string('0', 64) }).ResponseAsync,
            "000");
    }

    [Fact]
    public async Task ASliceIsNoParentUnderCgroupfs()
    {
        var config = Pod.Configure(Daemon, p => p.Linux.CgroupParent = "/kubepods.slice/kubepods-pod1.slice", "slice");
        await Faults.ExpectAsync(
            StatusCode.InvalidArgument, () => Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config }).ResponseAsync, "cgroup_parent");
    }

    [Fact]
    public async Task AnInitKilledByTheMemoryLimitIsOomKilled()
    {
        var container = await RunAsync("exec tail /dev/zero", Limited);
        var status = await container.ExitedAsync();
        Assert.Equal((137, "OOMKilled"), (status.ExitCode, status.Reason));
        Assert.Contains("memory", status.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task AChildKilledByTheMemoryLimitIsNotTheInitsVerdict()
    {
        var container = await RunAsync("(exec tail /dev/zero); echo child $?; exit 5", Limited);
        var status = await container.ExitedAsync();
        Assert.Equal((5, "Error"), (status.ExitCode, status.Reason));
        Assert.Contains("child 137", container.Log().Lines("stdout"));
    }

    [Fact]
    public async Task AKillFromOutsideIsNoOom()
    {
        var container = await RunAsync("sleep 1000", Limited);
        await Command.ShellAsync($"kill -9 {await container.PidAsync()}");
        Assert.Equal("Error", (await container.ExitedAsync()).Reason);
    }

    [Fact]
    public async Task StatsMoveAndNameTheContainer()
    {
        var container = await RunAsync("sleep 1000", c => c.Labels["a"] = "b");
        var first = await container.StatsAsync();
        Assert.Equal((container.Id, "b"), (first.Attributes.Id, first.Attributes.Labels["a"]));
        Assert.True(first.Memory.WorkingSetBytes.Value > 0 && first.Memory.UsageBytes.Value >= first.Memory.WorkingSetBytes.Value, first.ToString());
        await container.ExecAsync("n=0; while [ $n -lt 200000 ]; do n=$((n+1)); done; dd if=/dev/zero of=/written bs=1M count=3 2>/dev/null");
        var second = await container.StatsAsync();
        Assert.True(second.Cpu.UsageCoreNanoSeconds.Value > first.Cpu.UsageCoreNanoSeconds.Value + 50_000_000, $"{first.Cpu} then {second.Cpu}");
        Assert.True(second.Cpu.Timestamp > first.Cpu.Timestamp);
        await Eventually.Value(
            container.StatsAsync, s => s.WritableLayer?.UsedBytes?.Value >= 3 * Mebibyte, "the writable layer grows in the stats", TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task ListContainerStatsFilters()
    {
        var (one, two) = (await RunPodAsync(), await RunPodAsync());
        var a = await one.RunAsync("sleep 1000", c => c.Labels["app"] = "a");
        var b = await two.RunAsync("sleep 1000", c => c.Labels["app"] = "b");
        Assert.Equal([a.Id], await IdsAsync(new ContainerStatsFilter { PodSandboxId = one.Id }));
        Assert.Equal([b.Id], await IdsAsync(new ContainerStatsFilter { LabelSelector = { ["app"] = "b" } }));
        Assert.Equal([a.Id], await IdsAsync(new ContainerStatsFilter { Id = a.Id }));
        Assert.Equal(2, (await IdsAsync(null)).Length);
    }

    [Fact]
    public async Task TheAvailableMemoryIsLimitLessWorkingSet()
    {
        var container = await RunAsync("sleep 1000", c => c.Linux.Resources.MemoryLimitInBytes = 64 * Mebibyte);
        var memory = (await container.StatsAsync()).Memory;
        Assert.Equal(64 * Mebibyte, (long)(memory.AvailableBytes.Value + memory.WorkingSetBytes.Value));
    }

    private static void Limited(ContainerConfig config)
    {
        config.Linux.Resources.MemoryLimitInBytes = 24 * Mebibyte;
        config.Linux.Resources.MemorySwapLimitInBytes = 24 * Mebibyte;
    }

    private async Task UpdateAsync(Container container, LinuxContainerResources resources) =>
        await Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest { ContainerId = container.Id, Linux = resources });

    private async Task<string[]> IdsAsync(ContainerStatsFilter? filter) =>
        [.. (await Runtime.ListContainerStatsAsync(new ListContainerStatsRequest { Filter = filter })).Stats.Select(s => s.Attributes.Id)];
}
