using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using Outcome = ShimRuntime.Cri.Operator.V1.UpgradedShim.Types.Outcome;

namespace ShimRuntime.Integration.Tests;

/// <summary>Another program in the process of a running shim: everything goes on, and whoever waits is answered.</summary>
public sealed class ShimUpgradeTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private OtherShims Shims => new(World);

    [Fact]
    public async Task TheProgramChangesAndNothingElseDoes()
    {
        var container = await RunAsync("i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done");
        var (pid, shim, status) = (await container.PidAsync(), await ShimAsync(container), await container.StatusAsync());
        var (before, kernel) = (Opened(shim), KernelsView(shim));
        var binary = Shims.Copy("shim-next");
        var step = Assert.Single(await Daemon.UpgradeShimsAsync(binary));
        Assert.Equal((container.Id, Outcome.Upgraded, 1, 1), (step.ContainerId, step.Outcome, step.Done, step.Total));
        Assert.Equal(binary, Processes.Link(shim, "exe"));
        Assert.Equal("shimruntime-shi", Processes.Read(shim, "comm").Trim());
        Assert.Equal((pid, shim), (await container.PidAsync(), await ShimAsync(container)));
        Assert.Equal(status, await container.StatusAsync());
        // The upgrade's own connection goes a moment later.
        await Eventually.True(() => before.SequenceEqual(Opened(shim)), "the same files are open, and no others");
        Assert.Equal(kernel, KernelsView(shim));
        var lines = container.Log().Lines().Count;
        await Eventually.True(() => container.Log().Lines().Count > lines + 20, "the log goes on");
        AssertCounts(container.Log().Lines());
        Assert.Equal("0", await container.ExecAsync("echo $?"));
        await container.StopAsync(1);
        Assert.Equal(137, (await container.ExitedAsync()).ExitCode);
    }

    [Fact]
    public async Task AWriterAtFullSpeedLosesNoLineInTwentyUpgrades()
    {
        // seq fills the pipe as fast as it is read, with lines of all lengths; every write is torn somewhere.
        var container = await RunAsync("exec seq 1 100000000", c => c.LogPath = "0.log");
        var shim = await ShimAsync(container);
        await Eventually.True(() => new FileInfo(container.LogPath).Length > 1_000_000, "it writes");
        for (var i = 0; i < 20; i++) await UpgradeAsync(Shims.Copy($"shim-{i % 2}"));
        await container.StopAsync(0);
        await container.ExitedAsync();
        Assert.Equal(shim, await ShimAsync(container));
        await AssertSequenceAsync(container.LogPath);
        File.Delete(container.LogPath); // gigabytes
    }

    [Fact]
    public async Task AHeldLineAndATerminalAreGoneOnWith()
    {
        var pod = await RunPodAsync();
        var line = await pod.RunAsync("printf half; while [ ! -e /go ]; do sleep 0.05; done; echo ' and half'; sleep 1000");
        var terminal = await pod.RunAsync("while read l; do echo got $l; stty size; done", c => (c.Stdin, c.Tty) = (true, true));
        await using var attach = await RemoteCommand.AttachAsync(terminal, new(Stdin: true, Tty: true) { Size = (80, 24) });
        await attach.Stdin!.WriteAsync("one\n");
        await attach.Stdout.SawAsync("got one");
        await UpgradeAsync(count: 2);
        await line.ExecAsync("touch /go");
        await line.LoggedAsync("half and half");
        await attach.Stdin.WriteAsync("two\n");
        await attach.Stdout.SawAsync("got two");
        await attach.ResizeAsync(101, 31);
        await Eventually.True(async () =>
        {
            await attach.Stdin.WriteAsync("three\n");
            return attach.Stdout.Text().Contains("31 101", StringComparison.Ordinal);
        }, "the new size");
        await using var second = await RemoteCommand.AttachAsync(terminal, new(Stdin: true, Tty: true));
        await second.Stdin!.WriteAsync("four\n");
        await second.Stdout.SawAsync("got four");
    }

    [Fact]
    public async Task SessionsAndCallsUnderWayAreAnswered()
    {
        var container = await RunAsync("trap 'sleep 0.5; exit 7' TERM; while read l; do echo got $l; done; while :; do sleep 0.05; done", c => c.Stdin = true);
        await using var attach = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await using var exec = await RemoteCommand.ExecAsync(container, new(Stdin: true), "sh", "-c", "read l; echo said $l; exit 5");
        var synced = container.ExecSyncAsync(30, "sh", "-c", "echo begun; sleep 2; echo over; exit 4");
        var late = container.ExecSyncAsync(2, "sleep", "1000");
        await Eventually.True(() => File.ReadAllLines($"{Cgroups.Directory("memory", container.Leaf)}/cgroup.procs").Length >= 5, "three execs run, of four processes");
        await UpgradeAsync();
        await attach.Stdin!.WriteAsync("hello\n");
        await attach.Stdout.SawAsync("got hello\n");
        var answer = await synced;
        Assert.Equal((4, "begun\nover\n"), (answer.ExitCode, answer.Stdout.ToStringUtf8()));
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(() => late)).StatusCode);
        await exec.Stdin!.WriteAsync("word\n");
        Assert.Equal(5, await exec.ExitCodeAsync());
        var stopping = container.StopAsync(30);
        await Eventually.True(async () => (await container.InfoAsync()).GetProperty("phase").GetString() == "Stopping", "the stop is under way");
        await UpgradeAsync();
        await stopping;
        Assert.Equal(7, (await container.StatusAsync()).ExitCode);
        Assert.Equal(0, await attach.ExitCodeAsync());
    }

    [Fact]
    public async Task AStopsDeadlineIsKept()
    {
        var container = await RunAsync("trap '' TERM; while :; do sleep 0.05; done");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var stopping = container.StopAsync(3);
        await Eventually.True(async () => (await container.InfoAsync()).GetProperty("phase").GetString() == "Stopping", "the stop is under way");
        await UpgradeAsync();
        await stopping;
        Assert.InRange(clock.Elapsed.TotalSeconds, 2.9, 10);
        Assert.Equal(137, (await container.StatusAsync()).ExitCode);
    }

    [Fact]
    public async Task AnExitInTheVeryMomentIsExact()
    {
        var pod = await RunPodAsync();
        for (var i = 0; i < 10; i++)
        {
            var container = await pod.RunAsync(string.Create(CultureInfo.InvariantCulture, $"sleep 0.{i:00}; echo last; exit {40 + i}"));
            await Daemon.UpgradeShimsAsync("", container.Id);
            var exited = await container.ExitedAsync();
            Assert.Equal((40 + i, "Error"), (exited.ExitCode, exited.Reason));
            Assert.Equal(["last"], container.Log().Lines());
            await container.RemoveAsync();
        }
    }

    [Fact]
    public async Task AStartUnderWayIsAnswered()
    {
        var pod = await RunPodAsync();
        for (var i = 0; i < 10; i++)
        {
            var container = await pod.CreateAsync("echo begun; while :; do sleep 0.05; done", c => c.Tty = i % 2 == 1);
            var starting = container.StartAsync();
            await Task.Delay(i * 5);
            await UpgradeAsync();
            await starting;
            Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
            await container.LoggedAsync(i % 2 == 1 ? "begun\r" : "begun");
            await container.StopAsync(0);
            await container.RemoveAsync();
        }
    }

    [Fact]
    public async Task ExecsWithoutPauseAreAllExact()
    {
        var container = await RunAsync("while :; do sleep 0.05; done");
        using var stop = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 3).Select(n => Task.Run(async () =>
        {
            var calls = 0;
            for (; !stop.IsCancellationRequested; calls++)
            {
                var answer = await container.ExecSyncAsync(30, "sh", "-c", $"echo {n}.{calls}; echo err >&2; exit {calls % 50}");
                Assert.Equal((calls % 50, $"{n}.{calls}\n", "err\n"), (answer.ExitCode, answer.Stdout.ToStringUtf8(), answer.Stderr.ToStringUtf8()));
            }

            return calls;
        })).ToArray();
        for (var i = 0; i < 15; i++) await UpgradeAsync();
        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(callers), calls => Assert.True(calls > 3, $"{calls} execs"));
    }

    [Fact]
    public async Task TheLogIsAFileNotAName()
    {
        var container = await RunAsync("i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done");
        var rotated = container.LogPath + ".1";
        File.Move(container.LogPath, rotated);
        await UpgradeAsync();
        var length = new FileInfo(rotated).Length;
        await Eventually.True(() => new FileInfo(rotated).Length > length, "it writes on to the file that it had open");
        await container.ReopenLogAsync();
        await Eventually.True(() => new FileInfo(container.LogPath).Length > 0, "and to the new one when it is told to");
        AssertCounts(CriLog.Read(rotated, container.LogPath).Lines());
    }

    [Fact]
    public async Task OneThatWasNotStartedAndOneThatHasEndedAreUpgradedToo()
    {
        var pod = await RunPodAsync();
        var created = await pod.CreateAsync("exit 3");
        var ended = await pod.RunAsync("exit 4");
        await ended.ExitedAsync();
        await UpgradeAsync(count: 2);
        await created.StartAsync();
        Assert.Equal((3, 4), ((await created.ExitedAsync()).ExitCode, (await ended.ExitedAsync()).ExitCode));
        await ended.RemoveAsync();
    }

    [Fact]
    public async Task ADaemonThatStartsLaterAdoptsIt()
    {
        var container = await RunAsync("echo up; while :; do sleep 0.05; done");
        await UpgradeAsync(Shims.Copy("shim-next"));
        await Daemon.RestartAsync();
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        await UpgradeAsync();
        Assert.Equal("0", await container.ExecAsync("echo $?"));
        await container.StopAsync(0);
    }

    [Fact]
    public async Task TheOomVerdictIsThatOfTheWholeLife()
    {
        var container = await RunAsync("while [ ! -e /go ]; do sleep 0.05; done; exec tail /dev/zero", c => c.Linux.Resources = new LinuxContainerResources { MemoryLimitInBytes = 16 << 20 });
        await UpgradeAsync();
        await container.ExecAsync("touch /go");
        var exited = await container.ExitedAsync();
        Assert.Equal(("OOMKilled", 137), (exited.Reason, exited.ExitCode));
    }

    [Fact]
    public async Task FortyAreRolledOverAndThoseThatAreNamedAlone()
    {
        var pod = await RunPodAsync();
        var containers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => pod.RunAsync($"echo {i}; sleep 1000", c => (c.Metadata.Name, c.LogPath) = ($"c{i}", $"{i}.log"))));
        var binary = Shims.Copy("shim-next");
        await UpgradeAsync(binary, 40);
        foreach (var container in containers) Assert.Equal(binary, Processes.Link(await ShimAsync(container), "exe"));
        var two = await Daemon.UpgradeShimsAsync("", containers[3].Id, containers[5].Id[..13]);
        Assert.Equal([containers[3].Id, containers[5].Id], two.Select(s => s.ContainerId).OrderBy(id => id == containers[5].Id));
        Assert.Equal(binary, Processes.Link(await ShimAsync(containers[4]), "exe"));
    }

    private async Task UpgradeAsync(string binary = "", int count = 1)
    {
        var steps = await Daemon.UpgradeShimsAsync(binary);
        Assert.All(steps, s => Assert.True(s.Outcome == Outcome.Upgraded, $"{s.Outcome}: {s.Cause}"));
        Assert.Equal(Enumerable.Range(1, count), steps.Select(s => s.Done));
    }

    private static async Task<int> ShimAsync(Container container) => (await container.InfoAsync()).GetProperty("shimPid").GetInt32();

    /// <summary>What a process has open, numbers left aside.</summary>
    private static IReadOnlyList<string> Opened(int pid) => [.. Processes.FdTargets(pid).Order(StringComparer.Ordinal)];

    /// <summary>Signals that are ignored, blocked and pending, mercy, and where it belongs.</summary>
    private static IReadOnlyList<string> KernelsView(int pid) =>
    [
        .. new[] { "SigIgn", "SigBlk", "ShdPnd", "PPid", "Umask" }.Select(f => Processes.Status(pid, f)), Processes.Read(pid, "oom_score_adj"), Processes.Read(pid, "cgroup"),
        Processes.Link(pid, "cwd"), Processes.Read(pid, "limits"),
    ];

    private static void AssertCounts(IReadOnlyList<string> lines) => Assert.Equal(Enumerable.Range(0, lines.Count).Select(i => $"{i}"), lines);

    /// <summary>1, 2, 3 … with nothing between; only the last may be cut by the writer's death.</summary>
    private static async Task AssertSequenceAsync(string path)
    {
        long expected = 0;
        using var log = new StreamReader(path);
        string? pending = null;
        while (await log.ReadLineAsync() is { } line)
        {
            if (pending is not null) Check(pending);
            pending = line;
        }

        Assert.True(expected > 100_000, $"it has written {expected} lines");

        void Check(string entry)
        {
            var text = entry.AsSpan(30);
            Assert.True(text.StartsWith(" stdout F ") && long.Parse(text[10..], CultureInfo.InvariantCulture) == ++expected, $"'{entry}' where {expected} should be");
        }
    }
}
