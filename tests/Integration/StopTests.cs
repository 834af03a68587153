using System.Diagnostics;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>StopContainer and StopPodSandbox: the signal, the escalation, who may shorten it, who is not held up by it.</summary>
public sealed class StopTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Stubborn = "trap 'echo asked' TERM; echo up; while :; do sleep 0.1; done";

    [Fact]
    public async Task AProcessThatObeysEndsWithItsOwnCodeAtOnce()
    {
        var container = await RunAsync("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.1; done");
        await container.LoggedAsync("up");
        var clock = Stopwatch.StartNew();
        await container.StopAsync(60);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{clock.Elapsed}");
        var status = await container.StatusAsync();
        Assert.Equal((ContainerState.ContainerExited, 9, "Error"), (status.State, status.ExitCode, status.Reason));
        Assert.Contains("bye", container.Log().Lines());
    }

    [Fact]
    public async Task AStubbornOneIsKilledAfterTheTimeout()
    {
        var container = await RunAsync(Stubborn);
        await container.LoggedAsync("up");
        var clock = Stopwatch.StartNew();
        await container.StopAsync(1);
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(20));
        Assert.Equal(137, (await container.StatusAsync()).ExitCode);
        Assert.Contains("asked", container.Log().Lines());
    }

    [Fact]
    public async Task AZeroTimeoutKillsWithoutAsking()
    {
        var container = await RunAsync(Stubborn);
        await container.LoggedAsync("up");
        await container.StopAsync(0);
        Assert.Equal(137, (await container.StatusAsync()).ExitCode);
        Assert.DoesNotContain("asked", container.Log().Lines());
    }

    [Fact]
    public async Task ASecondStopShortensTheFirst()
    {
        var container = await RunAsync(Stubborn);
        await container.LoggedAsync("up");
        var slow = container.StopAsync(90);
        await container.LoggedAsync("asked");
        var clock = Stopwatch.StartNew();
        await container.StopAsync(1);
        await slow;
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{clock.Elapsed}");
    }

    [Fact]
    public async Task AClientThatGivesUpDoesNotCallOffTheStop()
    {
        var container = await RunAsync(Stubborn);
        await container.LoggedAsync("up");
        using var impatient = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => Runtime.StopContainerAsync(
            new StopContainerRequest { ContainerId = container.Id, Timeout = 2 }, cancellationToken: impatient.Token).ResponseAsync);
        await container.ExitedAsync();
    }

    [Fact]
    public async Task OtherCallsAreNotHeldUpByAStop()
    {
        var container = await RunAsync(Stubborn);
        await container.LoggedAsync("up");
        var stop = container.StopAsync(60);
        await container.LoggedAsync("asked");
        var clock = Stopwatch.StartNew();
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        await container.ReopenLogAsync();
        Assert.Equal("here", await container.ExecAsync("echo here"));
        await container.StatsAsync();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20) && !stop.IsCompleted, $"{clock.Elapsed}");
        await container.StopAsync(0);
        await stop;
    }

    [Fact]
    public async Task StoppingThePodStopsItsContainersAtOnceAndTheirChildren()
    {
        var pod = await RunPodAsync();
        var containers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => pod.RunAsync("sleep 7777 & trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done")));
        foreach (var container in containers) await container.LoggedAsync("up");
        await pod.StopAsync();
        foreach (var container in containers) Assert.Equal(ContainerState.ContainerExited, (await container.StatusAsync()).State);
        Assert.DoesNotContain(Processes.All(), p => Processes.Read(p, "cgroup").Contains(pod.Id, StringComparison.Ordinal));
    }

    [Fact]
    public async Task StopOfAnExitedOrCreatedContainerIsNoError()
    {
        var pod = await RunPodAsync();
        var exited = await pod.RunAsync("exit 3");
        await exited.ExitedAsync();
        await exited.StopAsync(5);
        Assert.Equal(3, (await exited.StatusAsync()).ExitCode);
        var created = await pod.CreateAsync("sleep 1000");
        await created.StopAsync(5);
        Assert.NotEqual(ContainerState.ContainerRunning, (await created.StatusAsync()).State);
        await created.RemoveAsync();
    }

    [Fact]
    public async Task ChildrenThatOutliveTheInitOfAHostPidContainerAreKilledWithIt()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Node);
        var container = await pod.RunAsync("setsid sleep 7777 & setsid sleep 7778 & exit 0");
        await container.ExitedAsync();
        await container.StopAsync(1);
        await Eventually.True(
            () => !Processes.All().Any(p => Processes.Read(p, "cgroup").Contains(container.Id, StringComparison.Ordinal) && Processes.IsAlive(p)),
            "no process of the container is left");
    }
}
