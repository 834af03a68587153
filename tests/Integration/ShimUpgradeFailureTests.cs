using Grpc.Core;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using Outcome = ShimRuntime.Cri.Operator.V1.UpgradedShim.Types.Outcome;

namespace ShimRuntime.Integration.Tests;

/// <summary>A program that can't take a shim's place costs nothing, but for one that dies when it already has.</summary>
public sealed class ShimUpgradeFailureTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private OtherShims Shims => new(World);

    [Theory]
    [InlineData("cut", "can't be run|ended with|refuses")]
    [InlineData("text", "can't be run")]
    [InlineData("other-machine", "can't be run")]
    [InlineData("no-library", "libabsent.so")]
    [InlineData("crash", "ended with signal 6")]
    [InlineData("hang", "did not read the state within 10 s")]
    [InlineData("silent", "is no shim")]
    [InlineData("gives-back", "the test has no room")]
    public async Task ItIsRefusedAndTheOldOneGoesOn(string kind, string words)
    {
        var pod = await RunPodAsync();
        var first = await pod.RunAsync("i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done");
        var rest = await Task.WhenAll(Enumerable.Range(0, 7).Select(i => pod.RunAsync("sleep 1000", c => c.Metadata.Name = $"c{i}")));
        var shim = (await first.InfoAsync()).GetProperty("shimPid").GetInt32();
        var before = Processes.FdTargets(shim).Order(StringComparer.Ordinal).ToList();
        var steps = await Daemon.UpgradeShimsAsync(await Shims.BrokenAsync(kind));
        Assert.Equal((first.Id, Outcome.Refused), (steps[0].ContainerId, steps[0].Outcome));
        Assert.Contains(words.Split('|'), w => steps[0].Cause.Contains(w, StringComparison.Ordinal));
        Assert.Equal(8, steps.Count);
        Assert.All(steps.Skip(1), s => Assert.Equal(Outcome.Untouched, s.Outcome));
        // The upgrade's own connection goes a moment later.
        await Eventually.True(() => before.SequenceEqual(Processes.FdTargets(shim).Order(StringComparer.Ordinal)), "the same files are open, and no others");
        Assert.EndsWith("/bin/shimruntime-shim", Processes.Link(shim, "exe"), StringComparison.Ordinal);
        await Daemon.UpgradeShimsAsync(Shims.Copy("shim-next"));
        var lines = first.Log().Lines();
        Assert.Equal(Enumerable.Range(0, lines.Count).Select(i => $"{i}"), lines);
        Assert.All(await Task.WhenAll(rest.Append(first).Select(c => c.StatusAsync())), s => Assert.Equal(ContainerState.ContainerRunning, s.State));
    }

    [Fact]
    public async Task OneThatDiesInItsPlaceIsTheOneLoss()
    {
        var pod = await RunPodAsync();
        var containers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => pod.RunAsync("sleep 1000", c => c.Metadata.Name = $"c{i}")));
        var steps = await Daemon.UpgradeShimsAsync(await Shims.BrokenAsync("dies-later"));
        Assert.Equal([Outcome.Lost, .. Enumerable.Repeat(Outcome.Untouched, 7)], steps.Select(s => s.Outcome));
        foreach (var container in containers)
        {
            if (container.Id == steps[0].ContainerId) Assert.Equal("ShimLost", (await container.ExitedAsync()).Reason);
            else Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        }
    }

    [Theory]
    [InlineData("relative", StatusCode.InvalidArgument, "no absolute path")]
    [InlineData("/nowhere/shim", StatusCode.FailedPrecondition, "Could not find")]
    [InlineData("group-writable", StatusCode.FailedPrecondition, "others than root")]
    public async Task AnUntrustedFileIsNotGivenToAnyShim(string kind, StatusCode code, string words)
    {
        await RunAsync("sleep 1000");
        var path = kind == "group-writable" ? Shims.Copy("shim-group") : kind;
        if (kind == "group-writable") File.SetUnixFileMode(path, (UnixFileMode)0x1fd); // 0775
        await Faults.ExpectAsync(code, () => Daemon.UpgradeShimsAsync(path), "failed to upgrade the shims", words);
    }

    /// <summary>An installer's child that was forked while the file was written has it open until it calls execve.</summary>
    [Fact]
    public async Task OneThatIsStillOpenForWritingIsWaitedForButNotForLong()
    {
        await RunAsync("sleep 1000");
        var path = Shims.Copy("shim-next");
        using (var writer = File.OpenHandle(path, access: FileAccess.Write))
        {
            var soon = Daemon.UpgradeShimsAsync(path);
            await Task.Delay(300);
            writer.Dispose();
            Assert.Equal(Outcome.Upgraded, Assert.Single(await soon).Outcome);
        }

        var other = Shims.Copy("shim-written");
        using var stays = File.OpenHandle(other, access: FileAccess.Write);
        var step = Assert.Single(await Daemon.UpgradeShimsAsync(other));
        Assert.Equal(Outcome.Refused, step.Outcome);
        Assert.Contains("open for writing", step.Cause, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnUnknownContainerIsNotFound() =>
        await Faults.ExpectAsync(StatusCode.NotFound, () => Daemon.UpgradeShimsAsync("", "0123456789ab"), "no such container");

    [Fact]
    public async Task NoTwoUpgradesAtOnce()
    {
        await RunAsync("sleep 1000");
        var first = Daemon.UpgradeShimsAsync(await Shims.BrokenAsync("hang"));
        await Task.Delay(500);
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => Daemon.UpgradeShimsAsync(""), "another upgrade is under way");
        await RefusedAsync(StatusCode.FailedPrecondition, Daemon.Client.Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest()), "another upgrade is under way");
        Assert.Equal(Outcome.Refused, Assert.Single(await first).Outcome);
    }

    [Fact]
    public async Task AContainerThatIsRemovedMeanwhileIsNoFailure()
    {
        var container = await RunAsync("sleep 1000");
        var upgrade = Daemon.UpgradeShimsAsync(await Shims.BrokenAsync("hang"));
        await Task.Delay(300);
        await container.StopAsync(0);
        await container.RemoveAsync();
        Assert.Equal(Outcome.Gone, Assert.Single(await upgrade).Outcome);
    }
}
