using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The daemon as a program: a second one, its flags, its locks, its files.</summary>
public sealed class SideBySideTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private string Binary => Path.Combine(World.Bin, "shimruntimed");

    [Fact]
    public async Task TwoDaemonsOnOneMachineLeaveEachOtherAlone()
    {
        var other = new DaemonFixture();
        try
        {
            await other.StartForAsync("SideBySideTests-other");
            var ours = await RunAsync("sleep 1000");
            var theirs = await (await Pod.RunAsync(other, null, "theirs")).RunAsync("sleep 1000");
            Assert.Single((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
            Assert.Single((await other.Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
            // Recovery and clean-up of one see nothing of the other.
            await other.RestartAsync();
            await Daemon.RestartAsync();
            await other.RemoveEverythingAsync(new HashSet<string>());
            Assert.Equal("alive", await ours.ExecAsync("echo alive"));
            Assert.NotEqual(ours.Id, theirs.Id);
        }
        finally
        {
            await other.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("--root")]
    [InlineData("--state")]
    public async Task ASecondDaemonOnTheSameRootOrStateIsRefused(string shared)
    {
        var elsewhere = Directory.CreateTempSubdirectory("srt-second-").FullName;
        var arguments = Daemon.Arguments(Path.Combine(elsewhere, "cri.sock")).ToArray();
        foreach (var flag in new[] { "--root", "--state" }.Where(f => f != shared))
        {
            arguments[Array.IndexOf(arguments, flag) + 1] = Directory.CreateDirectory(Path.Combine(elsewhere, flag[2..])).FullName;
        }

        var second = await Command.RunAsync(Binary, arguments, TimeSpan.FromSeconds(20));
        Assert.NotEqual(0, second.ExitCode);
        Assert.Contains(shared == "--root" ? World.Root : World.State, second.Error + second.Output, StringComparison.Ordinal);
        await Runtime.VersionAsync(new VersionRequest());
        Directory.Delete(elsewhere, true);
    }

    [Fact]
    public async Task AnUnknownKeyNamesFileLineAndNearestKey()
    {
        var config = Path.Combine(World.Base, "bad.toml");
        await File.WriteAllTextAsync(config, "# comment\ncgroup_rot = \"/x\"\n");
        var run = await Command.RunAsync(Binary, ["--config", config, "--check"]);
        Assert.NotEqual(0, run.ExitCode);
        var said = run.Error + run.Output;
        Assert.Contains($"{config}:2", said, StringComparison.Ordinal);
        Assert.Contains("cgroup_root", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CheckIsCleanHereAndTouchesNothing()
    {
        var before = Directory.GetFileSystemEntries(World.Root).Order();
        var run = await Command.RunAsync(Binary, [.. Daemon.Arguments(), "--check"]);
        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Contains("runc", run.Output + run.Error, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFileSystemEntries(World.Root).Order());
    }

    [Fact]
    public async Task StateIsForRootAloneAndTheSocketToo()
    {
        var container = await RunAsync("sleep 1000");
        var mode = await Command.ShellAsync($"stat -c %a {World.Root} {World.State} {World.Root}/containers {World.Root}/sandboxes {World.Root}/content");
        Assert.All(mode.Split('\n', StringSplitOptions.RemoveEmptyEntries), m => Assert.Contains(m, new[] { "700", "711" }));
        Assert.Equal("600", (await Command.ShellAsync($"stat -c %a {World.Root}/containers/{container.Id}/request.pb")).Trim());
        Assert.Contains((await Command.ShellAsync($"stat -c %a {World.Socket}")).Trim(), new[] { "600", "660" });
        Assert.Equal("", await Command.ShellAsync($"find {World.Root} -not -path '*/snapshots/*' -type f -perm /077"));
    }

    [Fact]
    public async Task SigtermEndsTheDaemonAndTheContainersGoOn()
    {
        var container = await RunAsync("sleep 1000");
        var pid = await container.PidAsync();
        var exit = await Daemon.TerminateAsync();
        Assert.Equal(0, exit.Code);
        Assert.True(Processes.IsAlive(pid));
        await Daemon.StartAsync();
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }

    /// <summary>A service manager may stop it while it starts; before it has its handlers the signal itself ends it, which is as good.</summary>
    [Fact]
    public async Task SigtermIsNoFailureAtAnyMomentOfTheStart()
    {
        const int Steps = 20;
        const int StepMilliseconds = 25;
        var container = await RunAsync("sleep 1000");
        await Daemon.TerminateAsync();
        for (var step = 0; step < Steps; step++)
        {
            Daemon.StartProcess();
            await Task.Delay(step * StepMilliseconds);
            var exit = await Daemon.TerminateAsync();
            Assert.True(exit.Code is 0 or 143, $"after {step * StepMilliseconds} ms: {exit}; see {Daemon.DaemonLog}");
        }

        await Daemon.StartAsync();
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }
}
