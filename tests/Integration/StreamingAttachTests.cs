using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Attach over SPDY: output to several clients, stdin and its end, terminals, slow readers.</summary>
public sealed class StreamingAttachTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Echo = "while read line; do echo \"got $line\"; echo \"err $line\" >&2; done; echo over; exit 4";

    [Fact]
    public async Task EveryClientSeesTheOutputAndTheLogDoesToo()
    {
        var container = await RunAsync(Echo, c => c.Stdin = true);
        await using var first = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await using var second = await RemoteCommand.AttachAsync(container, new());
        await AttachedAsync(container, 2);
        await first.Stdin!.WriteAsync("hello\n");
        await Task.WhenAll(first.Stdout.SawAsync("got hello\n"), second.Stdout.SawAsync("got hello\n"), first.Stderr!.SawAsync("err hello\n"),
            second.Stderr!.SawAsync("err hello\n"), container.LoggedAsync("got hello"));
    }

    [Fact]
    public async Task WithStdinOnceTheFirstClientsEndIsTheContainersAndAllOutputComes()
    {
        var container = await RunAsync(Echo, c => (c.Stdin, c.StdinOnce) = (true, true));
        await using var attach = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await attach.Stdin!.WriteAsync("last\n");
        await attach.Stdin.CloseAsync();
        Assert.Equal(0, await attach.ExitCodeAsync());
        Assert.Equal("got last\nover\n", attach.Stdout.Text());
        Assert.Equal(4, (await container.ExitedAsync()).ExitCode);
    }

    [Fact]
    public async Task WithStdinOnceAClientThatVanishesEndsStdinToo()
    {
        var container = await RunAsync(Echo, c => (c.Stdin, c.StdinOnce) = (true, true));
        var attach = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await attach.Stdin!.WriteAsync("one\n");
        await attach.Stdout.SawAsync("got one\n");
        attach.Client.Abort();
        Assert.Equal(4, (await container.ExitedAsync()).ExitCode);
    }

    [Fact]
    public async Task WithoutStdinOnceTheContainerOutlivesItsClients()
    {
        var container = await RunAsync(Echo, c => c.Stdin = true);
        await using (var attach = await RemoteCommand.AttachAsync(container, new(Stdin: true)))
        {
            await attach.Stdin!.WriteAsync("one\n");
            await attach.Stdin.CloseAsync();
            Assert.Equal(0, await attach.ExitCodeAsync());
            Assert.Equal("got one\n", attach.Stdout.Text());
        }

        await using var again = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await again.Stdin!.WriteAsync("two\n");
        await again.Stdout.SawAsync("got two\n");
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }

    [Fact]
    public async Task ATerminalIsSharedAndResized()
    {
        var container = await RunAsync("while read line; do stty size; done", c => (c.Stdin, c.Tty) = (true, true));
        await using var attach = await RemoteCommand.AttachAsync(container, new(Stdin: true, Tty: true) { Size = (101, 31) });
        await AttachedAsync(container, 1);
        await attach.Stdin!.WriteAsync("\n");
        await attach.Stdout.SawAsync("31 101");
        await attach.ResizeAsync(55, 11);
        await Eventually.True(async () =>
        {
            await attach.Stdin.WriteAsync("\n");
            return attach.Stdout.Text().Contains("11 55", StringComparison.Ordinal);
        }, "the new size");
    }

    [Fact]
    public async Task TheContainersEndIsToldAfterItsLastOutput()
    {
        var container = await RunAsync("read go; dd if=/dev/zero bs=1k count=500 2>/dev/null | tr '\\000' x; echo; echo last", c => c.Stdin = true);
        await using var attach = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await attach.Stdin!.WriteAsync("go\n");
        Assert.Equal(0, await attach.ExitCodeAsync());
        Assert.EndsWith("x\nlast\n", attach.Stdout.Text(), StringComparison.Ordinal);
        Assert.Equal((500 * 1024) + 6, attach.Stdout.Count);
    }

    [Fact]
    public async Task AClientThatReadsNothingIsCutOffAndNobodyWaitsForIt()
    {
        var container = await RunAsync("read go; dd if=/dev/zero bs=1M count=60 2>/dev/null | tr '\\000' x; echo; echo last; sleep 1000", c => c.Stdin = true);
        await using var slow = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await AttachedAsync(container, 1);
        slow.Client.Reads = false;
        await slow.Stdin!.WriteAsync("go\n");
        await container.LoggedAsync("last", TimeSpan.FromMinutes(1));
        slow.Client.Reads = true;
        Assert.Contains("too slowly", await slow.Error.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAttachSurvivesTheDaemonsDeath()
    {
        var container = await RunAsync(Echo, c => c.Stdin = true);
        await using var attach = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await attach.Stdin!.WriteAsync("before\n");
        await attach.Stdout.SawAsync("got before\n");
        await Daemon.KillAsync();
        await attach.Stdin.WriteAsync("between\n");
        await attach.Stdout.SawAsync("got between\n");
        await Daemon.StartAsync();
        await attach.Stdin.WriteAsync("after\n");
        await attach.Stdout.SawAsync("got after\n");
        Assert.Equal(1, (await container.InfoAsync()).GetProperty("sessions").GetInt32());
    }

    [Fact]
    public async Task WhatCanNotBeServedIsRefusedByItsCode()
    {
        var container = await RunAsync("exit 0");
        await container.ExitedAsync();
        await RefusedAsync(StatusCode.FailedPrecondition, Runtime.AttachAsync(new AttachRequest { ContainerId = container.Id, Stdout = true }), "not running");
        await RefusedAsync(StatusCode.NotFound, Runtime.AttachAsync(new AttachRequest { ContainerId = new string('0', 64), Stdout = true }));
    }

    /// <summary>Waits until so many clients hold the container's output: each has a pipe for stdout in the shim.</summary>
    private static Task AttachedAsync(Container container, int count) => Eventually.Value(async () =>
    {
        var shim = (await container.InfoAsync()).GetProperty("shimPid").GetInt32();
        return Processes.FdTargets(shim).Count(t => t.StartsWith("pipe:", StringComparison.Ordinal)).ToString(CultureInfo.InvariantCulture);
    }, pipes => int.Parse(pipes, CultureInfo.InvariantCulture) >= PipesOf(container) + (count * (container.Config.Tty ? 1 : 2)), "clients are attached");

    private static int PipesOf(Container container) => container.Config.Tty ? 0 : 3;
}
