using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Exec over SPDY: streams, terminals, exit codes, clients that go away, a daemon that goes away.</summary>
public sealed class StreamingExecTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task OutputStreamsAndExitCodeComeBack()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(), "sh", "-c", "echo out; echo err >&2; exit 42");
        Assert.Equal("v5.channel.k8s.io", exec.Client.Protocol);
        Assert.Equal(42, await exec.ExitCodeAsync());
        Assert.Equal(("out\n", "err\n"), (exec.Stdout.Text(), await exec.Stderr!.ReadToEndAsync()));
        await exec.Client.Ended.WaitAsync(Eventually.Patience);
    }

    [Fact]
    public async Task SuccessAndDeathBySignalAreTold()
    {
        var container = await RunAsync("sleep 1000");
        await using var success = await RemoteCommand.ExecAsync(container, new(), "true");
        Assert.Equal(0, await success.ExitCodeAsync());
        await using var killed = await RemoteCommand.ExecAsync(container, new(), "sh", "-c", "kill -9 $$");
        Assert.Equal(137, await killed.ExitCodeAsync());
    }

    [Fact]
    public async Task TheEndOfStdinIsTheEndAndNotBefore()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(Stdin: true), "cat");
        await exec.Stdin!.WriteAsync("first\n");
        await exec.Stdout.SawAsync("first\n");
        await exec.Stdin.WriteAsync("second\n");
        await exec.Stdin.CloseAsync();
        Assert.Equal(0, await exec.ExitCodeAsync());
        Assert.Equal("first\nsecond\n", exec.Stdout.Text());
    }

    [Fact]
    public async Task AHundredMegabytesGoInAndOutUnchanged()
    {
        const int chunk = 1 << 20;
        const int chunks = 100;
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(Stdin: true), "sh", "-c", "sha256sum | cut -d' ' -f1");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[chunk];
        for (var i = 0; i < chunks; i++)
        {
            RandomNumberGenerator.Fill(block);
            hash.AppendData(block);
            await exec.Stdin!.WriteAsync(block);
        }

        await exec.Stdin!.CloseAsync();
        Assert.Equal(0, await exec.ExitCodeAsync(TimeSpan.FromMinutes(2)));
        Assert.Equal(Convert.ToHexStringLower(hash.GetHashAndReset()), exec.Stdout.Text().Trim());
        // What still waited when stdin's end came needs no window any more.
        Assert.InRange(exec.Client.WindowBytes, chunk * (chunks - 3), chunk * chunks);

        await using var back = await RemoteCommand.ExecAsync(container, new(), "sh", "-c", "dd if=/dev/zero bs=1M count=100 2>/dev/null");
        Assert.Equal(0, await back.ExitCodeAsync(TimeSpan.FromMinutes(2)));
        Assert.Equal(100 << 20, back.Stdout.Count);
    }

    [Fact]
    public async Task ATerminalHasItsSizeFromTheStartAndFollowsTheClients()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(
            container, new(Stdin: true, Tty: true) { Size = (123, 45) }, "sh", "-c", "stty size; tty; echo ready; read line; stty size; echo $line; exit 3");
        await exec.Stdout.SawAsync("ready");
        Assert.StartsWith("45 123\r\n/dev/pts/", exec.Stdout.Text(), StringComparison.Ordinal);
        await exec.ResizeAsync(77, 22);
        await exec.Stdin!.WriteAsync("hello\n");
        Assert.Equal(3, await exec.ExitCodeAsync());
        Assert.Contains("22 77\r\nhello\r\n", exec.Stdout.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheEndOfATerminalsInputEndsWhatReadsLines()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(Stdin: true, Tty: true), "cat");
        await exec.Stdin!.WriteAsync("line\n");
        await exec.Stdout.SawAsync("line\r\nline\r\n");
        await exec.Stdin.CloseAsync();
        Assert.Equal(0, await exec.ExitCodeAsync());
    }

    [Fact]
    public async Task AMissingCommandIsAnErrorWithRuncsOwnWords()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(), "/no/such/command");
        var status = await exec.Error.ReadToEndAsync();
        Assert.Contains("\"reason\":\"InternalError\"", status, StringComparison.Ordinal);
        Assert.Contains("no such file or directory", status, StringComparison.Ordinal);
        Assert.Contains("error executing command in container", status, StringComparison.Ordinal);
        Assert.Equal("", exec.Stdout.Text() + await exec.Stderr!.ReadToEndAsync());
    }

    [Theory]
    [InlineData("v4.channel.k8s.io", true)]
    [InlineData("v3.channel.k8s.io", false)]
    [InlineData("channel.k8s.io", false)]
    public async Task OlderProtocolsAreSpoken(string version, bool hasJson)
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new() { Versions = [version] }, "sh", "-c", "echo out; exit 7");
        Assert.Equal(version, exec.Client.Protocol);
        var status = await exec.Error.ReadToEndAsync();
        Assert.Equal("out\n", await exec.Stdout.ReadToEndAsync());
        if (hasJson) Assert.Equal(7, await exec.ExitCodeAsync());
        else Assert.Contains("exit status 7", status, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AClientThatVanishesTakesItsWholeTreeWithIt(bool tty)
    {
        var container = await RunAsync("sleep 1000");
        var exec = await RemoteCommand.ExecAsync(
            container, new(Stdin: true, Tty: tty), "sh", "-c", "trap '' HUP TERM; setsid sleep 7771 & sleep 7772 & echo up; sleep 7773; sleep 7774");
        await exec.Stdout.SawAsync("up");
        Assert.NotEmpty(Survivors());
        exec.Client.Abort();
        await Eventually.True(() => Survivors().Count == 0, "the exec's processes are gone");
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }

    [Fact]
    public async Task AnExecGetsTimeToFinishWhatItsClientLeft()
    {
        var container = await RunAsync("sleep 1000");
        var exec = await RemoteCommand.ExecAsync(container, new(Stdin: true), "sh", "-c", "echo up; cat > /tmp/kept; echo whole >> /tmp/kept");
        await exec.Stdout.SawAsync("up");
        await exec.Stdin!.WriteAsync("data ");
        await Eventually.Value(() => container.ExecAsync("cat /tmp/kept"), t => t == "data ", "the data has come");
        exec.Client.Abort();
        await Eventually.Value(() => container.ExecAsync("cat /tmp/kept"), t => t == "data whole", "it ended by itself");
    }

    [Fact]
    public async Task AClientThatReadsNothingCostsNothingButItsOwnExec()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(), "sh", "-c", "dd if=/dev/zero bs=1M count=50 2>/dev/null; echo end >&2");
        exec.Client.Reads = false;
        await using var other = await RemoteCommand.ExecAsync(container, new(), "echo", "fine");
        Assert.Equal(0, await other.ExitCodeAsync());
        // The other one's session lingers for a moment after its client has its status.
        await Eventually.True(() => Sessions().Count == 1, "one session is left");
        var session = Assert.Single(Sessions());
        await Task.Delay(1000);
        var memory = long.Parse(Processes.Field(Processes.Read(session, "status"), "VmRSS").Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.InRange(memory, 1, 20_000);
        exec.Client.Reads = true;
        Assert.Equal(0, await exec.ExitCodeAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal(50 << 20, exec.Stdout.Count);
        Assert.Equal("end\n", exec.Stderr!.Text());
    }

    [Fact]
    public async Task ABackgroundChildThatKeepsTheOutputOpenIsLeftAlone()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(), "sh", "-c", "echo done; sleep 7775 &");
        Assert.Equal(0, await exec.ExitCodeAsync());
        Assert.Equal("done\n", exec.Stdout.Text());
        Assert.Contains("sleep 7775", await container.ExecAsync("ps -o args"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASessionSurvivesTheDaemonsDeathAndAttachesToTheNextOne()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(Stdin: true, Tty: true), "sh", "-c", "echo up; read line; echo got $line; exit 5");
        await exec.Stdout.SawAsync("up");
        await Daemon.KillAsync();
        await exec.ResizeAsync(90, 30);
        await Daemon.StartAsync();
        Assert.Equal(1, (await container.InfoAsync()).GetProperty("sessions").GetInt32());
        await exec.Stdin!.WriteAsync("words\n");
        Assert.Equal(5, await exec.ExitCodeAsync());
        Assert.Contains("got words", exec.Stdout.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheExecOfASessionThatWasKilledIsKilledToo()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(), "sh", "-c", "trap '' HUP PIPE; echo up; while :; do sleep 7776; done");
        await exec.Stdout.SawAsync("up");
        using (var session = ShimRuntime.Linux.SafePidFd.TryOpen(Assert.Single(Sessions()))!) session.Signal(9);
        await Eventually.True(() => Survivors().Count == 0, "the exec's processes are gone");
    }

    [Fact]
    public async Task TheContainersEndEndsItsExecs()
    {
        var container = await RunAsync("sleep 1000");
        await using var exec = await RemoteCommand.ExecAsync(container, new(), "sleep", "7777");
        await Eventually.True(() => Survivors().Count > 0, "the exec runs");
        await container.StopAsync(0);
        Assert.Equal(137, await exec.ExitCodeAsync());
    }

    [Fact]
    public async Task WhatCanNotBeServedIsRefusedByItsCode()
    {
        var container = await RunAsync("sleep 1000");
        await RefusedAsync(StatusCode.NotFound, Runtime.ExecAsync(new ExecRequest { ContainerId = new string('0', 64), Cmd = { "true" }, Stdout = true }));
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.ExecAsync(new ExecRequest { ContainerId = container.Id, Stdout = true }), "cmd");
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.ExecAsync(new ExecRequest { ContainerId = container.Id, Cmd = { "true" } }), "stdout");
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.ExecAsync(
            new ExecRequest { ContainerId = container.Id, Cmd = { "true" }, Stdout = true, Stderr = true, Tty = true }), "tty", "stderr");
        await container.StopAsync(0);
        await RefusedAsync(StatusCode.FailedPrecondition, Runtime.ExecAsync(
            new ExecRequest { ContainerId = container.Id, Cmd = { "true" }, Stdout = true }), "not running");
    }

    /// <summary>Session processes of this world.</summary>
    private IReadOnlyList<int> Sessions() => [.. LeakCheck.ProcessesOf(World).Where(p => Processes.Read(p, "cmdline").Contains("\0session\0", StringComparison.Ordinal))];

    /// <summary>The sleeps that the tests' execs leave, when they leave any.</summary>
    private IReadOnlyList<int> Survivors() => [.. LeakCheck.ProcessesOf(World).Where(p => Processes.Read(p, "cmdline").Contains("sleep\0777", StringComparison.Ordinal))];
}
