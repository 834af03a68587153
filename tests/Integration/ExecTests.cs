using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>ExecSync: output, exit codes, time-outs that end the whole tree, caps, clients that go away.</summary>
public sealed class ExecTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task OutputStreamsAndExitCodeComeBack()
    {
        var container = await RunAsync("sleep 1000");
        var result = await container.ExecSyncAsync(10, "sh", "-c", "echo out; echo err >&2; printf 'no newline'; exit 42");
        Assert.Equal(("out\nno newline", "err\n", 42), (result.Stdout.ToStringUtf8(), result.Stderr.ToStringUtf8(), result.ExitCode));
        Assert.Equal(0, (await container.ExecSyncAsync(0, "true")).ExitCode);
        Assert.Equal(137, (await container.ExecSyncAsync(10, "sh", "-c", "kill -9 $$")).ExitCode);
    }

    [Fact]
    public async Task BinaryOutputIsUntouched()
    {
        var container = await RunAsync("sleep 1000");
        var result = await container.ExecSyncAsync(10, "sh", "-c", "printf '\\000\\377\\r\\n\\001'");
        Assert.Equal([0, 255, 13, 10, 1], result.Stdout.ToByteArray());
    }

    [Fact]
    public async Task ATimeoutKillsTheWholeTreeEvenWhatLeftItsSession()
    {
        var container = await RunAsync("sleep 1000");
        var clock = Stopwatch.StartNew();
        await Faults.ExpectAsync(StatusCode.DeadlineExceeded, () => container.ExecSyncAsync(
            1, "sh", "-c", "trap '' TERM; setsid sh -c 'echo $$ > /tmp/a; exec sleep 7777' & (sleep 7778 &) ; sleep 7779"), "timeout 1s");
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(20));
        await Eventually.Value(
            () => container.ExecAsync("ps -o args | grep -c 'sleep 777[789]' || true"), t => t is "0" or "1", "the exec's processes are gone", TimeSpan.FromSeconds(5));
        Assert.Empty(Survivors(container));
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }

    [Fact]
    public async Task AClientThatGoesAwayTakesItsExecWithIt()
    {
        var container = await RunAsync("sleep 1000");
        using var gone = new CancellationTokenSource();
        var call = Runtime.ExecSyncAsync(
            new ExecSyncRequest { ContainerId = container.Id, Cmd = { "sh", "-c", "touch /tmp/began; sleep 7777" } }, cancellationToken: gone.Token).ResponseAsync;
        await Eventually.Value(() => container.ExecAsync("[ -e /tmp/began ] && echo yes || true"), t => t == "yes", "the exec runs");
        await gone.CancelAsync();
        await Assert.ThrowsAsync<RpcException>(() => call);
        await Eventually.True(() => Survivors(container).Count == 0, "the exec's processes are gone");
    }

    [Fact]
    public async Task ABackgroundChildThatKeepsTheOutputOpenDoesNotHoldTheAnswerForEver()
    {
        var container = await RunAsync("sleep 1000");
        var clock = Stopwatch.StartNew();
        var result = await container.ExecSyncAsync(20, "sh", "-c", "echo done; sleep 7777 &");
        Assert.Equal("done\n", result.Stdout.ToStringUtf8());
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"{clock.Elapsed}");
    }

    [Fact]
    public async Task ABackgroundChildThatWritesAsFastAsItCanDoesNotHoldTheShim()
    {
        var container = await RunAsync("sleep 1000");
        var result = await container.ExecSyncAsync(20, "sh", "-c", "yes & yes & echo done >&2");
        Assert.Equal((0, "done\n"), (result.ExitCode, result.Stderr.ToStringUtf8()));
        Assert.Equal("next\n", (await container.ExecSyncAsync(20, "echo", "next")).Stdout.ToStringUtf8());
    }

    [Fact]
    public async Task TheOutputIsCappedAtSixteenMebibytesAndTheProcessIsNotBlocked()
    {
        var container = await RunAsync("sleep 1000");
        var result = await container.ExecSyncAsync(60, "sh", "-c", "dd if=/dev/zero bs=1M count=40 2>/dev/null; echo end >&2");
        Assert.InRange(result.Stdout.Length, (16 << 20) - (1 << 16), 16 << 20);
        Assert.Equal((0, "end\n"), (result.ExitCode, result.Stderr.ToStringUtf8()));
        Assert.True(long.Parse(Processes.Field(Processes.Read(Daemon.Pid, "status"), "VmRSS").Split(' ')[0], CultureInfo.InvariantCulture) < 400_000);
    }

    [Fact]
    public async Task AnExecHasTheContainersUserEnvironmentDirectoryAndLimits()
    {
        var container = await RunAsync("sleep 1000", c =>
        {
            c.WorkingDir = "/tmp";
            c.Envs.Add(new KeyValue { Key = "MARK", Value = Google.Protobuf.ByteString.CopyFromUtf8("x y") });
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
        });
        Assert.Equal("1000 /tmp x y", await container.ExecAsync("echo $(id -u) $(pwd) $MARK"));
        var leaf = await container.ExecAsync("grep memory /proc/self/cgroup");
        Assert.Contains($"g1-{container.Id}", leaf, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BadExecsHaveTheExactCodes()
    {
        var container = await RunAsync("sleep 1000");
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => container.ExecSyncAsync(1), "cmd");
        var missing = await Assert.ThrowsAsync<RpcException>(() => container.ExecSyncAsync(5, "/no/such/program"));
        Assert.Contains("/no/such/program", missing.Status.Detail, StringComparison.Ordinal);
        var created = await container.Pod.CreateAsync("sleep 1000");
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => created.ExecSyncAsync(1, "true"), created.Id);
        await container.StopAsync(0);
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => container.ExecSyncAsync(1, "true"), container.Id);
    }

    [Fact]
    public async Task ManyExecsAtOnceEachGetTheirOwnOutput()
    {
        var container = await RunAsync("sleep 1000");
        var texts = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => container.ExecAsync($"echo {i}; echo {i}")));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}\n{i}"), texts);
    }

    [Fact]
    public async Task TheEndOfTheContainerEndsItsExecs()
    {
        var container = await RunAsync("sleep 1000");
        var exec = container.ExecSyncAsync(60, "sleep", "7777");
        await Eventually.True(() => Survivors(container).Count > 0, "the exec runs");
        await container.StopAsync(0);
        var result = await exec;
        Assert.Equal(137, result.ExitCode);
    }

    // Processes of the container's cgroups that run a sleep of ours.
    private static List<int> Survivors(Container container) =>
        [.. Processes.All().Where(p => Processes.Read(p, "cgroup").Contains(container.Id, StringComparison.Ordinal)
            && Processes.Read(p, "cmdline").Contains("777", StringComparison.Ordinal))];
}
