using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>record.json of a container is torn while no daemon runs: whatever lives is adopted from what its shim and its request say.</summary>
public sealed class TornRecordTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const long Mebibyte = 1 << 20;

    [Fact]
    public async Task ARunningContainerIsAdoptedAsItWas()
    {
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("trap 'exit 5' USR1; echo up; while :; do sleep 0.1; done", c =>
        {
            c.Labels["l"] = "1";
            c.Annotations["a"] = "b\n";
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.SupplementalGroups.Add(4242);
            c.Linux.Resources = new LinuxContainerResources { MemoryLimitInBytes = 64 * Mebibyte, CpuShares = 512 };
            c.StopSignal = Signal.Sigusr1;
        });
        await container.LoggedAsync("up");
        var update = new LinuxContainerResources { MemoryLimitInBytes = 96 * Mebibyte };
        await Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest { ContainerId = container.Id, Linux = update });
        var (before, pid) = (await container.StatusAsync(), await container.PidAsync());

        await TearAsync(container);
        var after = await container.StatusAsync();
        // The creation's time is that of the request's file: the moment before the record's.
        Assert.InRange(before.CreatedAt - after.CreatedAt, -1_000_000_000, 1_000_000_000);
        after.CreatedAt = before.CreatedAt;
        Assert.Equal(before, after);
        Assert.Equal(pid, await container.PidAsync());
        Assert.Equal("still 1000", await container.ExecAsync("echo still $(id -u)"));

        // The new record is as good as the old: after another restart, for the name, and for the end.
        await Daemon.RestartAsync();
        after = await container.StatusAsync();
        after.CreatedAt = before.CreatedAt;
        Assert.Equal(before, after);
        await RefusedAsync(StatusCode.AlreadyExists, Runtime.CreateContainerAsync(pod.Request(container.Config)), container.Id);
        await container.StopAsync();
        Assert.Equal(5, (await container.StatusAsync()).ExitCode);
    }

    [Fact]
    public async Task OneThatWasNotStartedYetCanBe()
    {
        var container = await (await RunPodAsync()).CreateAsync("echo later; exit 3");
        await TearAsync(container);
        Assert.Equal(ContainerState.ContainerCreated, (await container.StatusAsync()).State);
        await container.StartAsync();
        Assert.Equal(3, (await container.ExitedAsync()).ExitCode);
        Assert.Equal(["later"], container.Log().Lines());
    }

    [Fact]
    public async Task OneThatHasEndedIsExitedWithItsCodeAndItsTimes()
    {
        var container = await RunAsync("exit 7");
        var before = await container.ExitedAsync();
        await TearAsync(container);
        var after = await container.StatusAsync();
        Assert.Equal((ContainerState.ContainerExited, 7, "Error"), (after.State, after.ExitCode, after.Reason));
        Assert.Equal((before.StartedAt, before.FinishedAt), (after.StartedAt, after.FinishedAt));
        await container.RemoveAsync();
    }

    [Fact]
    public async Task ASilentShimsContainerIsAdoptedByWhatItLastSaid()
    {
        var container = await RunAsync("sleep 1000");
        var shim = Processes.ParentOf(await container.PidAsync());
        await Command.ShellAsync($"kill -STOP {shim}");
        await TearAsync(container);
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        await Command.ShellAsync($"kill -CONT {shim}");
        await container.StopAsync(0);
        Assert.Equal(137, (await container.StatusAsync()).ExitCode);
    }

    [Fact]
    public async Task WithTheShimDeadItIsLostAsAnyOtherAndTheOthersServe()
    {
        var (good, bad) = (await RunAsync("sleep 1000"), await RunAsync("sleep 1000"));
        var init = await bad.PidAsync();
        var shim = Processes.ParentOf(init);
        await TearAsync(bad, whileDown: () => Command.ShellAsync($"kill -9 {shim}"));
        var status = await bad.StatusAsync();
        Assert.Equal((ContainerState.ContainerExited, 137, "ShimLost"), (status.State, status.ExitCode, status.Reason));
        await Eventually.True(() => !Processes.IsAlive(init), "the init is killed with its leaf");
        Assert.Equal("alive", await good.ExecAsync("echo alive"));
    }

    [Fact]
    public async Task WithTheRequestTornTooNobodyCanSayWhatItWas()
    {
        var container = await RunAsync("sleep 1000");
        await TearAsync(container, "record.json", "request.pb");
        Assert.DoesNotContain((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers, c => c.Id == container.Id);
        await Eventually.True(
            () => !Processes.All().Any(p => Processes.Read(p, "cgroup").Contains(container.Id, StringComparison.Ordinal)), "what ran under it is ended");
        // Its files are kept for whoever wants to know.
        Assert.Contains(container.Id, await File.ReadAllTextAsync(Daemon.DaemonLog), StringComparison.Ordinal);
    }

    private Task TearAsync(Container container, params string[] files) => TearAsync(container, files, null);

    private Task TearAsync(Container container, Func<Task> whileDown) => TearAsync(container, [], whileDown);

    /// <summary>The first half of each file is left (record.json alone when none is named); what recovery put aside is as long.</summary>
    private async Task TearAsync(Container container, string[] files, Func<Task>? whileDown)
    {
        await Daemon.KillAsync();
        if (whileDown is not null) await whileDown();
        var torn = new Dictionary<string, int>();
        foreach (var file in files.Length > 0 ? files : ["record.json"])
        {
            var path = Path.Combine(World.Root, "containers", container.Id, file);
            var whole = await File.ReadAllBytesAsync(path);
            torn[file] = whole.Length / 2;
            await File.WriteAllBytesAsync(path, whole[..torn[file]]);
        }

        await Daemon.StartAsync();
        var aside = Path.Combine(World.Root, "aside");
        var kept = Directory.GetFiles(aside, "*record.json", SearchOption.AllDirectories);
        Assert.Contains(container.Id, Assert.Single(kept), StringComparison.Ordinal);
        Assert.Equal(torn["record.json"], new FileInfo(kept[0]).Length);
        Directory.Delete(aside, true);
    }
}
