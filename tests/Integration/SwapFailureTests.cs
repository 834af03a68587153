using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;
using static ShimRuntime.Integration.Tests.SwapTests;

namespace ShimRuntime.Integration.Tests;

/// <summary>Hot swap when something goes wrong in it, or something else happens meanwhile.</summary>
public sealed class SwapFailureTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private HotSwap.HotSwapClient HotSwap => Daemon.Client.HotSwap;

    [Fact]
    public async Task OneThatIsNeverReadyGivesWayToTheOldSpec()
    {
        var container = await RunAsync(Server);
        var before = await container.StatusAsync();
        var request = Quick(("V", "2"));
        request.Ready = new Readiness { Kind = Kind.Tcp, Port = 9, TimeoutMilliseconds = 300, PeriodMilliseconds = 100 };
        var swap = container.Swap(request);
        var end = await swap.EndAsync();
        Assert.Equal((Outcome.Reverted, 3u), (end.Outcome, end.Generation));
        Assert.Contains("connection refused", end.Cause, StringComparison.Ordinal);
        Assert.Contains(Phase.Revert, swap.Phases);
        await Eventually.True(() => container.Log().Lines() is ["V=", "bye ", "V=2", "V="], "the old spec speaks again");
        Assert.Equal(before, await container.StatusAsync());
        var generations = (await HotSwap.ListGenerationsAsync(new ListGenerationsRequest { ContainerId = container.Id })).Generations;
        Assert.Equal([(1u, false), (2u, false), (3u, true)], generations.Select(g => (g.Number, g.Current)));
        Assert.StartsWith("revert of swap", generations[2].Cause, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exit 3", "Error, 3")]
    [InlineData("exec /no/such/program", "127")]
    public async Task OneThatDiesGivesWayToTheOldSpec(string script, string cause)
    {
        var container = await RunAsync(Server);
        var request = Quick();
        request.Patch.Command = new Arguments { Values = { "/bin/sh", "-c", script } };
        request.Ready = new Readiness { Kind = Kind.Delay, PeriodMilliseconds = 5000 };
        var end = await container.Swap(request).EndAsync();
        Assert.Equal((Outcome.Reverted, 3u), (end.Outcome, end.Generation));
        Assert.Contains(cause, end.Cause, StringComparison.Ordinal);
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }

    [Fact]
    public async Task OneThatIsOomKilledGivesWayAndTheHistorySaysWhy()
    {
        var container = await RunAsync(Server, c => c.Linux.Resources.MemoryLimitInBytes = 24 << 20);
        var request = Quick();
        request.Patch.Command = new Arguments { Values = { "tail", "/dev/zero" } };
        request.Ready = new Readiness { Kind = Kind.Delay, PeriodMilliseconds = 20_000 };
        var end = await container.Swap(request).EndAsync();
        Assert.Equal(Outcome.Reverted, end.Outcome);
        Assert.Contains("OOMKilled, 137", end.Cause, StringComparison.Ordinal);
        var generations = (await HotSwap.ListGenerationsAsync(new ListGenerationsRequest { ContainerId = container.Id })).Generations;
        Assert.Equal(("OOMKilled", 137), (generations[1].Reason, generations[1].ExitCode));
        Assert.Equal((ContainerState.ContainerRunning, ""), ((await container.StatusAsync()).State, (await container.StatusAsync()).Reason));
        var pods = (await Runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).PodMetrics;
        var metrics = pods.SelectMany(p => p.ContainerMetrics).Single(c => c.ContainerId == container.Id).Metrics;
        Assert.True(metrics.Single(m => m.Name == "container_oom_events_total").Value.Value > 0, "a kill on a leaf that is gone still counts");
    }

    [Fact]
    public async Task WithoutRoomForTheJournalNothingIsTouched()
    {
        var container = await RunAsync(Server);
        var (pid, journal) = (await container.PidAsync(), Path.Combine(World.State, "c", container.Id[..16], "swap.json"));
        Directory.CreateDirectory(journal); // the rename fails, as it does on a full disk
        var end = await container.Swap(Quick()).EndAsync();
        Assert.Equal((Outcome.Undone, 1u), (end.Outcome, end.Generation));
        Assert.Contains("swap.json", end.Cause, StringComparison.Ordinal);
        Assert.Equal(pid, await container.PidAsync());
        Directory.Delete(journal);
    }

    [Fact]
    public async Task OneThatRuncRefusesNeverTouchesTheOldOne()
    {
        var container = await RunAsync(Server);
        var pid = await container.PidAsync();
        var request = Quick();
        request.Patch.Command = new Arguments { Values = { "/no/such/program" } };
        var end = await container.Swap(request).EndAsync();
        Assert.Contains("no such file", end.Cause, StringComparison.OrdinalIgnoreCase);
        if (end.Outcome == Outcome.Undone) Assert.Equal(pid, await container.PidAsync());
        else Assert.Equal(Outcome.Reverted, end.Outcome); // runc looks the program up at start: the old one had been ended by then
        Assert.Equal("serves", await container.ExecAsync("echo serves"));
    }

    [Fact]
    public async Task WithKeepNewTheNewOnesEndIsTheContainers()
    {
        var container = await RunAsync(Server);
        var request = Quick(("V", "2"));
        (request.OnFailure, request.ProbationMilliseconds) = (OnFailure.KeepNew, 60_000);
        request.Ready = new Readiness { Kind = Kind.Exec, Command = { "false" }, TimeoutMilliseconds = 300, PeriodMilliseconds = 100 };
        var swap = container.Swap(request);
        await swap.EnteredAsync(Phase.Probation); // never ready, and kept
        await SignalAsync(container, 15);
        Assert.Equal(Outcome.Ended, (await swap.EndAsync()).Outcome);
        Assert.Equal(0, (await container.ExitedAsync()).ExitCode);
    }

    [Fact]
    public async Task InProbationADeathOrARollbackBringsTheOldSpecBack()
    {
        var container = await RunAsync(Server);
        var request = Quick(("V", "2"));
        request.ProbationMilliseconds = 60_000;
        var first = container.Swap(request);
        await first.EnteredAsync(Phase.Probation);
        await SignalAsync(container, 15);
        Assert.Equal((Outcome.Reverted, 3u), ((await first.EndAsync()).Outcome, first.Events[^1].Generation));

        request.Patch.Env[0].Value = "4";
        var second = await BegunAsync(container, request);
        await second.EnteredAsync(Phase.Probation);
        await RefusedAsync(StatusCode.FailedPrecondition, HotSwap.AbortAsync(new AbortRequest { ContainerId = container.Id }), "roll it back");
        Assert.True((await HotSwap.GetStatusAsync(new GetStatusRequest { ContainerId = container.Id })).Swap.RollbackPossible);
        Assert.Equal(5u, (await HotSwap.RollbackAsync(new RollbackRequest { ContainerId = container.Id, ExpectedGeneration = 4 })).Generation);
        Assert.Equal(Outcome.Reverted, (await second.EndAsync()).Outcome);
        Assert.Equal("", await container.ExecAsync("tr '\\0' '\\n' < /proc/1/environ | sed -n 's/^V=//p'"));
    }

    [Fact]
    public async Task AnAbortBeforeCommitBringsTheOldSpecBack()
    {
        var container = await RunAsync(Server);
        var swap = container.Swap(ReadyWhen("/never", ("V", "2")));
        await swap.EnteredAsync(Phase.Ready);
        await RefusedAsync(StatusCode.FailedPrecondition, HotSwap.AbortAsync(new AbortRequest { ContainerId = container.Id, RequestId = "other" }), "not 'other'");
        Assert.Equal(3u, (await HotSwap.AbortAsync(new AbortRequest { ContainerId = container.Id })).Generation);
        Assert.Equal((Outcome.Reverted, "it was aborted"), ((await swap.EndAsync()).Outcome, swap.Events[^1].Cause));
    }

    [Fact]
    public async Task TheOldOnesOwnDeathBeforeAnythingRunsIsTheContainers()
    {
        var container = await RunAsync(Server);
        var swap = container.Swap(Quick());
        await swap.EnteredAsync(Phase.Prepare);
        await SignalAsync(container, 9);
        try
        {
            var end = await swap.EndAsync();
            Assert.True(end.Outcome is Outcome.Ended or Outcome.Swapped, $"{end.Outcome}: {end.Cause}"); // or it came too late, or in drain
            if (end.Outcome == Outcome.Swapped) return;
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.FailedPrecondition)
        {
            // It came before the shim was told.
        }

        Assert.Equal(137, (await container.ExitedAsync()).ExitCode);
    }

    [Theory]
    [InlineData(Phase.Create)]
    [InlineData(Phase.Drain)]
    [InlineData(Phase.Ready)]
    [InlineData(Phase.Probation)]
    public async Task AStopPreemptsEveryPhaseWithinItsOwnTime(Phase phase)
    {
        var container = await RunAsync("trap '' TERM; echo up; while :; do sleep 0.05; done");
        await container.LoggedAsync("up");
        var swap = container.Swap(SlowIn(phase));
        await swap.EnteredAsync(phase);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await container.StopAsync(1);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"the stop took {clock.Elapsed}");
        Assert.Equal(Outcome.Preempted, (await swap.EndAsync()).Outcome);
        Assert.Equal(137, (await container.StatusAsync()).ExitCode);
    }

    [Fact]
    public async Task StopPodSandboxPreemptsAndRemovalLeavesNothing()
    {
        var container = await RunAsync(Server);
        var request = ReadyWhen("/never");
        request.Rootfs = Rootfs.Fresh;
        var swap = container.Swap(request);
        await swap.EnteredAsync(Phase.Ready);
        await container.Pod.StopAsync();
        Assert.Equal(Outcome.Preempted, (await swap.EndAsync()).Outcome);
        await container.Pod.RemoveAsync();
    }

    [Theory]
    [InlineData(Phase.Prepare)]
    [InlineData(Phase.Create)]
    [InlineData(Phase.Drain)]
    [InlineData(Phase.Ready)]
    [InlineData(Phase.Probation)]
    public async Task KillingTheDaemonInAPhaseEndsNoSwap(Phase phase)
    {
        var container = await RunAsync("trap '' TERM; echo V=$V; while :; do sleep 0.05; done");
        var request = SlowIn(phase);
        (request.RequestId, request.Rootfs) = ("r", Rootfs.Fresh);
        request.Patch = new Patch { Env = { new Variable { Name = "V", Value = "2" } } };
        var swap = container.Swap(request);
        await swap.EnteredAsync(phase);
        await Daemon.KillAsync();
        await Daemon.StartAsync();
        if (phase is Phase.Prepare or Phase.Create) await SettledAsync(container, request);
        else await FinishedAsync(container, request, phase);
        Assert.Equal("serves", await container.ExecAsync("echo serves"));
        await container.StopAsync(0);
    }

    [Theory]
    [InlineData(Phase.Drain)]
    [InlineData(Phase.Ready)]
    [InlineData(Phase.Probation)]
    public async Task KillingTheShimInAPhaseEndsTheContainerAndLeavesNothing(Phase phase)
    {
        var container = await RunAsync("trap '' TERM; echo up; while :; do sleep 0.05; done");
        await container.LoggedAsync("up");
        var swap = container.Swap(SlowIn(phase));
        await swap.EnteredAsync(phase);
        ShimRuntime.Linux.SafePidFd.TryOpen((await container.InfoAsync()).GetProperty("shimPid").GetInt32())?.Signal(9);
        var end = await swap.EndAsync();
        Assert.Equal((Outcome.Ended, "the container's shim died"), (end.Outcome, end.Cause));
        var status = await container.ExitedAsync();
        Assert.Equal((137, "ShimLost"), (status.ExitCode, status.Reason));
        Assert.Equal(phase == Phase.Probation ? 2u : 1u, (await HotSwap.GetStatusAsync(new GetStatusRequest { ContainerId = container.Id })).Generation);
    }

    [Fact]
    public async Task MeanwhileExecUpdateAndLogsGoOn()
    {
        var container = await RunAsync("trap '' TERM; echo V=$V; while :; do sleep 0.05; done", c => c.Linux.Resources.MemoryLimitInBytes = 64 << 20);
        await container.LoggedAsync("V=");
        var running = container.ExecSyncAsync(60, "sleep", "1000");
        var request = ReadyWhen("/go", ("V", "2"));
        request.Drain.TimeoutMilliseconds = 500;
        var swap = container.Swap(request);
        await swap.EnteredAsync(Phase.Ready);
        Assert.Equal(137, (await running).ExitCode); // it was of the old generation

        File.Move(container.LogPath, container.LogPath + ".1");
        await container.ReopenLogAsync();
        await Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest
        {
            ContainerId = container.Id, Linux = new LinuxContainerResources { MemoryLimitInBytes = 32 << 20 },
        });
        Assert.Equal((32L << 20, 32L << 20), (Cgroups.MemoryLimit(container.LeafOf(2)), Cgroups.MemoryLimit(container.Cgroup)));
        var cpu = (await container.StatsAsync()).Cpu.UsageCoreNanoSeconds.Value;
        Assert.Equal("2", await container.ExecAsync("touch /go; tr '\\0' '\\n' < /proc/1/environ | sed -n 's/^V=//p'"));
        Assert.Equal(Outcome.Swapped, (await swap.EndAsync()).Outcome);
        Assert.True((await container.StatsAsync()).Cpu.UsageCoreNanoSeconds.Value >= cpu, "CPU time never goes down");
        Assert.Equal(32L << 20, (await container.StatusAsync()).Resources.Linux.MemoryLimitInBytes);
        Assert.Equal(["V=", "V=2"], CriLog.Read(container.LogPath + ".1", container.LogPath).Lines());
    }

    /// <summary>A swap that stays in a phase for seconds, or passes it as any other. The old one ignores its stop signal.</summary>
    private static SwapRequest SlowIn(Phase phase)
    {
        var request = phase == Phase.Ready ? ReadyWhen("/go") : Quick();
        request.Drain.TimeoutMilliseconds = phase == Phase.Drain ? 5_000 : 0;
        if (phase == Phase.Probation) request.ProbationMilliseconds = 5_000;
        return request;
    }

    /// <summary>The swap goes on without its daemon, and the next one's client joins it.</summary>
    private static async Task FinishedAsync(Container container, SwapRequest request, Phase phase)
    {
        var joined = container.Swap(request);
        if (phase == Phase.Ready) await container.ExecAsync("touch /go");
        Assert.Equal((Outcome.Swapped, 2u), ((await joined.EndAsync()).Outcome, joined.Events[^1].Generation));
        await container.LoggedAsync("V=2");
    }

    /// <summary>It may not have reached the shim yet: then it is undone. Either way the same request comes to its end.</summary>
    private static async Task SettledAsync(Container container, SwapRequest request)
    {
        SwapEvent? end = null;
        await Eventually.True(async () =>
        {
            try
            {
                end = await container.Swap(request).EndAsync();
                return end.Outcome is Outcome.Swapped;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.FailedPrecondition or StatusCode.ResourceExhausted or StatusCode.Unavailable)
            {
                return false;
            }
        }, () => $"the request is served; last: {end}");
        await container.LoggedAsync("V=2");
    }

    /// <summary>To the container's init, from outside.</summary>
    private static async Task SignalAsync(Container container, int signal) => ShimRuntime.Linux.SafePidFd.TryOpen(await container.PidAsync())?.Signal(signal);

    private static async Task<SwapReader> BegunAsync(Container container, SwapRequest request)
    {
        SwapReader? swap = null;
        await Eventually.True(async () =>
        {
            swap = container.Swap(request);
            try
            {
                await swap.EnteredAsync(Phase.Prepare);
                return true;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                return false; // the pause after a failure
            }
        }, "the swap begins");
        return swap!;
    }
}
