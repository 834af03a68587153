using System.Net;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using Shim = ShimRuntime.Cri.Operator.V1.UpgradedShim.Types.Outcome;

namespace ShimRuntime.Integration.Tests;

/// <summary>Shims that are exchanged while, or before, they swap; and by those of the release before.</summary>
public sealed class ShimUpgradeSwapTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private OtherShims Shims => new(World);

    [Theory]
    [InlineData(Phase.Ready)]
    [InlineData(Phase.Probation)]
    public async Task ASwapGoesOnFromWhereItIs(Phase phase)
    {
        var container = await RunAsync(SwapTests.Server);
        var request = SwapTests.ReadyWhen("/go", ("V", "2"));
        request.ProbationMilliseconds = phase == Phase.Probation ? 3000u : 0;
        if (phase == Phase.Probation) await container.ExecAsync("touch /go");
        var swap = container.Swap(request);
        await swap.EnteredAsync(phase);
        await UpgradeAsync();
        if (phase == Phase.Ready) await container.ExecAsync("touch /go");
        var end = await swap.EndAsync();
        Assert.True(end.Outcome == Outcome.Swapped, $"{end.Outcome}: {end.Cause}");
        Assert.Equal([Phase.Prepare, Phase.Create, Phase.Drain, Phase.Start, Phase.Ready, Phase.Commit, Phase.Probation, Phase.Done], swap.Phases);
        Assert.Equal(["V=", "bye ", "V=2"], container.Log().Lines());
        await container.StopAsync();
        Assert.Equal(0, (await container.ExitedAsync()).ExitCode);
    }

    [Fact]
    public async Task ASwapCanBeTakenBackAfterwardsAndAnotherBegun()
    {
        var container = await RunAsync(SwapTests.Server);
        var request = SwapTests.Quick(("V", "2"));
        request.ProbationMilliseconds = 60_000;
        var swap = container.Swap(request);
        await swap.EnteredAsync(Phase.Probation);
        await UpgradeAsync();
        await Daemon.Client.HotSwap.RollbackAsync(new RollbackRequest { ContainerId = container.Id });
        Assert.Equal(Outcome.Reverted, (await swap.EndAsync()).Outcome);
        await UpgradeAsync();
        Assert.Equal(Outcome.Swapped, (await container.SwapAfterPauseAsync(SwapTests.Quick(("V", "3")))).Outcome);
        await container.LoggedAsync("V=3");
    }

    [Theory]
    [InlineData(Level.L1)]
    [InlineData(Level.L2)]
    [InlineData(Level.L3)]
    public async Task HeldSocketsAndFiltersAreHandedOnAndNobodyIsTurnedAway(Level level)
    {
        var mount = await SwapServer.MountAsync();
        var container = await RunAsync(SwapSocketTests.Script, c =>
        {
            mount(c);
            c.Envs.Add(new KeyValue { Key = "V", Value = Google.Protobuf.ByteString.CopyFromUtf8("g1") });
            c.Envs.Add(new KeyValue { Key = "W", Value = Google.Protobuf.ByteString.CopyFromUtf8("8080") });
        });
        await container.LoggedAsync("g1 binds 1");
        await using var client = new SteadyClient(new IPEndPoint(IPAddress.Parse(await container.Pod.IpAsync()), 8080));
        await client.SeesAsync("g1");
        var request = SwapSocketTests.To(2, level);
        request.ProbationMilliseconds = 60_000;
        var swap = container.Swap(request);
        await swap.EnteredAsync(level == Level.L1 ? Phase.Start : Phase.Ready);
        await UpgradeAsync();
        await swap.EnteredAsync(Phase.Probation);
        await client.SeesAsync("g2");
        await UpgradeAsync();
        await Daemon.Client.HotSwap.RollbackAsync(new RollbackRequest { ContainerId = container.Id });
        Assert.Equal(Outcome.Reverted, (await swap.EndAsync()).Outcome);
        await UpgradeAsync();
        Assert.Equal(Outcome.Swapped, (await container.SwapAfterPauseAsync(SwapSocketTests.To(3, level))).Outcome);
        await client.SeesAsync("g3");
        Assert.Empty(await client.EndAsync("g1", "g2", "g3"));
        Assert.Equal("0", await container.ExecAsync("echo $?")); // under L3 an exec has a filter of its own
    }

    [Fact]
    public async Task TheReleaseBeforeIsUpgradedFromAndGoneBackTo()
    {
        var (previous, next) = (Shims.Previous(), Shims.Copy("shim-next"));
        var container = await RunAsync("i=0; while :; do echo $i; i=$((i+1)); sleep 0.001; done", c => c.Stdin = true);
        await using var attach = await RemoteCommand.AttachAsync(container, new());
        var exec = container.ExecSyncAsync(60, "sh", "-c", "sleep 5; echo over; exit 6");
        for (var i = 0; i < 3; i++)
        {
            var back = Assert.Single(await Daemon.UpgradeShimsAsync(previous));
            Assert.Equal((Shim.Upgraded, "0.0.9", ""), (back.Outcome, back.Version, back.Cause));
            var forth = Assert.Single(await Daemon.UpgradeShimsAsync(next));
            Assert.Equal((Shim.Upgraded, "0.0.9", ""), (forth.Outcome, forth.PreviousVersion, forth.Cause));
        }

        Assert.Equal((6, "over\n"), ((await exec).ExitCode, (await exec).Stdout.ToStringUtf8()));
        await Daemon.RestartAsync();
        var seen = attach.Stdout.Count;
        await Eventually.True(() => attach.Stdout.Count > seen, "an attached client sees what is said");
        var lines = container.Log().Lines();
        Assert.Equal(Enumerable.Range(0, lines.Count).Select(i => $"{i}"), lines);
        await container.StopAsync(0);
    }

    [Fact]
    public async Task TheReleaseBeforeRefusesWhatItCantCarry()
    {
        var previous = Shims.Previous();
        var container = await RunAsync(SwapTests.Server);
        var swap = container.Swap(SwapTests.ReadyWhen("/go", ("V", "2")));
        await swap.EnteredAsync(Phase.Ready);
        var refused = Assert.Single(await Daemon.UpgradeShimsAsync(previous));
        Assert.Equal(Shim.Refused, refused.Outcome);
        Assert.Contains("only schema 2 knows", refused.Cause, StringComparison.Ordinal);
        await container.ExecAsync("touch /go");
        Assert.Equal(Outcome.Swapped, (await swap.EndAsync()).Outcome);
        Assert.Equal(Shim.Upgraded, Assert.Single(await Daemon.UpgradeShimsAsync(previous)).Outcome);
        swap = container.Swap(SwapTests.ReadyWhen("/never", ("V", "3")));
        await swap.EnteredAsync(Phase.Ready);
        Assert.Contains("is under way, in phase Ready", Assert.Single(await Daemon.UpgradeShimsAsync("")).Cause, StringComparison.Ordinal);
        await container.StopAsync(0);
        await UpgradeAsync();
    }

    private async Task UpgradeAsync() =>
        Assert.All(await Daemon.UpgradeShimsAsync(""), s => Assert.True(s.Outcome == Shim.Upgraded, $"{s.Outcome}: {s.Cause}"));
}
