using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>kill -9 of the daemon at rest and in the middle of everything; torn files; dead shims; a reboot that never was.</summary>
public sealed class RecoveryTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task AtRestNothingIsNoticed()
    {
        var pod = await RunPodAsync(p => p.Annotations["a"] = "b\n");
        var running = await pod.RunAsync("echo up; sleep 1000");
        var exited = await pod.RunAsync("exit 5");
        var created = await pod.CreateAsync("echo later");
        await exited.ExitedAsync();
        var before = await Task.WhenAll(running.StatusAsync(), exited.StatusAsync(), created.StatusAsync());
        var (sandbox, pid) = (await pod.StatusAsync(), await running.PidAsync());
        await Daemon.RestartAsync();
        Assert.Equal(before, await Task.WhenAll(running.StatusAsync(), exited.StatusAsync(), created.StatusAsync()));
        Assert.Equal((sandbox, pid), (await pod.StatusAsync(), await running.PidAsync()));
        Assert.Equal("still", await running.ExecAsync("echo still"));
        await created.StartAsync();
        await created.LoggedAsync("later");
        await running.StopAsync(0);
        Assert.Equal(137, (await running.StatusAsync()).ExitCode);
    }

    [Fact]
    public async Task AnExitWhileTheDaemonIsDownIsReportedWithItsCodeAndTime()
    {
        var container = await RunAsync("sleep 0.5; exit 11");
        await Daemon.KillAsync();
        await Eventually.True(() => File.Exists(Path.Combine(World.Root, "containers", container.Id, "exit.json")), "the shim records the exit");
        var down = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        await Daemon.StartAsync();
        var status = await container.StatusAsync();
        Assert.Equal((ContainerState.ContainerExited, 11, "Error"), (status.State, status.ExitCode, status.Reason));
        Assert.InRange(status.FinishedAt, status.StartedAt, down + 1_000_000);
    }

    [Fact]
    public async Task AnOomWhileTheDaemonIsDownIsReportedAsOne()
    {
        var container = await RunAsync("sleep 0.5; exec tail /dev/zero", c => c.Linux.Resources.MemoryLimitInBytes = 24 << 20);
        await Daemon.KillAsync();
        await Eventually.True(() => File.Exists(Path.Combine(World.Root, "containers", container.Id, "exit.json")), "the shim records the exit");
        await Daemon.StartAsync();
        Assert.Equal((137, "OOMKilled"), ((await container.StatusAsync()).ExitCode, (await container.StatusAsync()).Reason));
    }

    [Theory]
    [InlineData("Stopping")]
    [InlineData("Removing")]
    public async Task AWayDownThatWasBegunTakesTheContainersAlong(string phase)
    {
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("sleep 1000");
        var (pid, record) = (await container.PidAsync(), Path.Combine(World.Root, "sandboxes", pod.Id, "record.json"));
        await Daemon.KillAsync();
        // As StopPodSandbox and RemovePodSandbox leave it before they turn to the containers.
        await File.WriteAllTextAsync(record, (await File.ReadAllTextAsync(record)).Replace("\"Ready\"", $"\"{phase}\"", StringComparison.Ordinal));
        await Daemon.StartAsync();
        await Eventually.True(() => !Processes.IsAlive(pid), "the container ends");
        if (phase == "Stopping") Assert.Equal(137, (await container.ExitedAsync()).ExitCode);
        else await Eventually.True(async () => (await Runtime.ListContainersAsync(new ListContainersRequest())).Containers.Count == 0, "the container is gone");
    }

    [Theory]
    [InlineData(5)]
    [InlineData(40)]
    [InlineData(120)]
    public async Task KilledDuringRunPodSandboxTheNameIsFreeAndNothingIsLeft(int milliseconds)
    {
        var request = new RunPodSandboxRequest { Config = PodConfig() };
        await KillDuringAsync(() => Runtime.RunPodSandboxAsync(request).ResponseAsync, milliseconds);
        var id = (await Runtime.RunPodSandboxAsync(request)).PodSandboxId;
        var listed = await Eventually.Value(
            async () => (await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items, i => i.Count == 1, "one pod, and no half-made one");
        Assert.Equal((id, PodSandboxState.SandboxReady), (listed[0].Id, listed[0].State));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(30)]
    [InlineData(80)]
    public async Task KilledDuringCreateContainerTheNameIsFreeAndNothingIsLeft(int milliseconds)
    {
        var pod = await RunPodAsync();
        var request = pod.Request(await pod.ContainerConfigAsync("echo up; sleep 1000"));
        await KillDuringAsync(() => Runtime.CreateContainerAsync(request).ResponseAsync, milliseconds);
        var id = (await Runtime.CreateContainerAsync(request)).ContainerId;
        await Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = id });
        var listed = await Eventually.Value(
            async () => (await Runtime.ListContainersAsync(new ListContainersRequest())).Containers, c => c.Count == 1, "one container, and no half-made one");
        Assert.Equal((id, ContainerState.ContainerRunning), (listed[0].Id, listed[0].State));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(40)]
    [InlineData(90)]
    public async Task KilledDuringStartContainerItIsCreatedOrRunningNeverLost(int milliseconds)
    {
        var container = await (await RunPodAsync()).CreateAsync("echo up; sleep 1000");
        await KillDuringAsync(container.StartAsync, milliseconds);
        var status = await Eventually.Value(
            container.StatusAsync, s => s.State is ContainerState.ContainerCreated or ContainerState.ContainerRunning, "created or running");
        if (status.State == ContainerState.ContainerCreated)
        {
            // The start may have reached the shim or not; asking again must settle it.
            try
            {
                await container.StartAsync();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
            {
                // It had been started meanwhile.
            }
        }

        await Eventually.Value(container.StatusAsync, s => s.State == ContainerState.ContainerRunning, "running");
        await container.LoggedAsync("up");
        Assert.Single(container.Log().Lines());
    }

    [Fact]
    public async Task KilledDuringAStopTheContainerStillEndsAndStopAgainSucceeds()
    {
        var container = await RunAsync("trap 'echo asked' TERM; echo up; while :; do sleep 0.1; done");
        await container.LoggedAsync("up");
        var stop = container.StopAsync(60);
        await container.LoggedAsync("asked");
        await Daemon.KillAsync();
        await Assert.ThrowsAsync<RpcException>(() => stop);
        await Daemon.StartAsync();
        await container.StopAsync(1);
        Assert.Equal((ContainerState.ContainerExited, 137), ((await container.StatusAsync()).State, (await container.StatusAsync()).ExitCode));
    }

    [Fact]
    public async Task KilledDuringRemovalsTheyAreFinished()
    {
        var pod = await RunPodAsync();
        var containers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => pod.RunAsync("sleep 1000")));
        var removals = containers.Select(c => c.RemoveAsync()).ToArray();
        await Task.Delay(30);
        await Daemon.KillAsync();
        await Task.WhenAll(removals.Select(async r => await Record.ExceptionAsync(() => r)));
        await Daemon.StartAsync();
        foreach (var container in containers) await container.RemoveAsync();
        Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
    }

    [Fact]
    public async Task ADeadShimWithALiveInitIsShimLostAndNothingRuns()
    {
        var container = await RunAsync("sleep 1000");
        var pid = await container.PidAsync();
        await Command.ShellAsync($"kill -9 {Processes.ParentOf(pid)}");
        var status = await container.ExitedAsync();
        Assert.Equal((137, "ShimLost"), (status.ExitCode, status.Reason));
        await Eventually.True(() => !Processes.IsAlive(pid), "the init is killed with its leaf");
    }

    [Fact]
    public async Task ShimAndInitDeadWhileTheDaemonIsDownIsUnknown()
    {
        var container = await RunAsync("sleep 1000");
        var pid = await container.PidAsync();
        var shim = Processes.ParentOf(pid);
        await Daemon.KillAsync();
        await Command.ShellAsync($"kill -9 {shim}; kill -9 {pid}");
        await Eventually.True(() => !Processes.All().Any(p => Processes.Read(p, "cgroup").Contains(container.Id, StringComparison.Ordinal)), "both are gone");
        await Daemon.StartAsync();
        var status = await container.StatusAsync();
        Assert.Equal((ContainerState.ContainerExited, 255, "Unknown"), (status.State, status.ExitCode, status.Reason));
        await container.RemoveAsync();
    }

    [Fact]
    public async Task AStoppedShimDelaysNobodyAndIsNotKilledForItsSilence()
    {
        var (silent, good) = (await RunAsync("sleep 1000"), await RunAsync("sleep 1000"));
        var shim = Processes.ParentOf(await silent.PidAsync());
        await Command.ShellAsync($"kill -STOP {shim}");
        await Daemon.RestartAsync();
        Assert.Equal(ContainerState.ContainerRunning, (await good.StatusAsync()).State);
        Assert.Equal(ContainerState.ContainerRunning, (await silent.StatusAsync()).State);
        Assert.True(Processes.IsAlive(shim));
        await Command.ShellAsync($"kill -CONT {shim}");
        await Eventually.True(async () =>
        {
            try
            {
                return await silent.ExecAsync("echo back") == "back";
            }
            catch (RpcException)
            {
                return false;
            }
        }, "the shim answers again");
    }

    [Fact]
    public async Task AnotherBootIdMeansThatNothingRunsAndSandboxesAreNotReady()
    {
        var container = await RunAsync("sleep 1000");
        var done = await container.Pod.RunAsync("exit 0");
        await done.ExitedAsync();
        await Daemon.KillAsync();
        await Command.ShellAsync($"kill -9 {string.Join(' ', LeakCheck.ProcessesOf(World))} 2>/dev/null || true");
        foreach (var record in Directory.EnumerateFiles(World.Root, "record.json", SearchOption.AllDirectories))
        {
            var boot = (await File.ReadAllTextAsync("/proc/sys/kernel/random/boot_id")).Trim();
            var text = await File.ReadAllTextAsync(record);
            Assert.Contains(boot, text, StringComparison.Ordinal);
            await File.WriteAllTextAsync(record, text.Replace(boot, "00000000-0000-0000-0000-000000000000", StringComparison.Ordinal));
        }

        await Daemon.StartAsync();
        var status = await container.StatusAsync();
        Assert.Equal((ContainerState.ContainerExited, 255, "Unknown"), (status.State, status.ExitCode, status.Reason));
        Assert.Equal((0, "Completed"), ((await done.StatusAsync()).ExitCode, (await done.StatusAsync()).Reason));
        Assert.Equal(PodSandboxState.SandboxNotready, (await container.Pod.StatusAsync()).State);
    }

    [Fact]
    public async Task ThirtyContainersAreAdoptedAndSighupAndSigtermToTheirShimsChangeNothing()
    {
        var pod = await RunPodAsync();
        var containers = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => pod.RunAsync("sleep 1000")));
        foreach (var container in containers) await Command.ShellAsync($"kill -TERM {Processes.ParentOf(await container.PidAsync())}");
        await Daemon.RestartAsync();
        var list = await Runtime.ListContainersAsync(new ListContainersRequest());
        Assert.All(list.Containers, c => Assert.Equal(ContainerState.ContainerRunning, c.State));
        Assert.Equal(30, list.Containers.Count);
    }

    private async Task KillDuringAsync(Func<Task> call, int milliseconds)
    {
        var running = call();
        await Task.Delay(milliseconds);
        await Daemon.KillAsync();
        await Record.ExceptionAsync(() => running);
        await Daemon.StartAsync();
    }
}
