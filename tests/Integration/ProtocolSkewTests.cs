using System.Net.Sockets;
using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Shims of the previous protocol version under today's daemon, as after an upgrade: all that both know works, what is newer is refused with a sentence.</summary>
public sealed class ProtocolSkewTests : NodeTest
{
    private readonly string _today = Installation.Binary("shimruntime-shim");

    // Before the daemon's first start, which the base class does.
    public ProtocolSkewTests(DaemonFixture daemon) : base(daemon) => UseShim(Installation.PreviousShim);

    [Fact]
    public async Task TheWholeLifeOfAContainer()
    {
        Assert.Contains("shim protocol 1", (await Command.RunAsync(Path.Combine(World.Bin, "shimruntime-shim"), ["--version"])).Output, StringComparison.Ordinal);
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.1; done", c => c.Linux.Resources.MemoryLimitInBytes = 64 << 20);
        await container.LoggedAsync("up");
        Assert.Equal("in it", await container.ExecAsync("echo in it"));
        Assert.True((await container.StatsAsync()).Memory.WorkingSetBytes.Value > 0);
        await Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest
        {
            ContainerId = container.Id, Linux = new LinuxContainerResources { MemoryLimitInBytes = 96 << 20 },
        });
        Assert.Equal(96L << 20, Cgroups.MemoryLimit(container.Cgroup));
        await Command.ShellAsync($"mv {container.LogPath} {container.LogPath}.1");
        await container.ReopenLogAsync();
        Assert.True(File.Exists(container.LogPath));
        await container.StopAsync();
        Assert.Equal((ContainerState.ContainerExited, 7), ((await container.StatusAsync()).State, (await container.StatusAsync()).ExitCode));
        await container.LoggedAsync("bye");
        await container.RemoveAsync();
    }

    [Fact]
    public async Task ExecAndAttachSessions()
    {
        var container = await RunAsync("while read line; do echo \"got $line\"; done; exit 6", c => (c.Stdin, c.StdinOnce) = (true, true));
        await using var exec = await RemoteCommand.ExecAsync(container, new(Stdin: true), "/bin/sh", "-c", "cat; exit 3");
        await exec.Stdin!.WriteAsync("hello");
        await exec.Stdin.CloseAsync();
        Assert.Equal(3, await exec.ExitCodeAsync());
        Assert.Equal("hello", exec.Stdout.Text());
        await using var attach = await RemoteCommand.AttachAsync(container, new(Stdin: true));
        await attach.Stdin!.WriteAsync("something\n");
        await attach.Stdin.CloseAsync();
        Assert.Equal(0, await attach.ExitCodeAsync());
        Assert.Equal("got something\n", attach.Stdout.Text());
        Assert.Equal(6, (await container.ExitedAsync()).ExitCode);
    }

    [Fact]
    public async Task DaemonsComeAndGo()
    {
        var (running, created, exited) = (await RunAsync("i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done"), await (await RunPodAsync()).CreateAsync("exit 4"), await RunAsync("exit 5"));
        await exited.ExitedAsync();
        var pid = await running.PidAsync();
        await Daemon.RestartAsync();
        await Daemon.UpgradeAsync();
        Assert.Equal(pid, await running.PidAsync());
        Assert.Equal(5, (await exited.StatusAsync()).ExitCode);
        await created.StartAsync();
        Assert.Equal(4, (await created.ExitedAsync()).ExitCode);
        Assert.Contains("speaks protocol 1 (this daemon: 2); it is adopted", await File.ReadAllTextAsync(Daemon.DaemonLog), StringComparison.Ordinal);
        await running.StopAsync(0);
        var lines = running.Log().Lines();
        Assert.Equal(Enumerable.Range(0, lines.Count).Select(n => $"{n}"), lines);
    }

    [Fact]
    public async Task WhatIsNewerIsRefusedWithASentenceAndChangesNothing()
    {
        var container = await RunAsync("echo up; sleep 1000");
        var pid = await container.PidAsync();
        foreach (var level in new[] { Level.L0, Level.L1 })
        {
            var request = SwapTests.Quick(("A", "b"));
            request.Level = level;
            var swap = container.Swap(request);
            var fault = await Assert.ThrowsAsync<RpcException>(swap.EndAsync);
            Assert.Equal(StatusCode.FailedPrecondition, fault.StatusCode);
            Assert.Contains("is of an earlier release (protocol 1) and has no Swap", fault.Status.Detail, StringComparison.Ordinal);
        }

        var sockets = await Assert.ThrowsAsync<RpcException>(() => Daemon.Client.HotSwap.ListSocketsAsync(new ListSocketsRequest { ContainerId = container.Id }).ResponseAsync);
        Assert.Contains("protocol 1", sockets.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(pid, await container.PidAsync());
        Assert.Equal("still", await container.ExecAsync("echo still"));
        Assert.False(File.Exists(Path.Combine(World.State, "c", container.Id[..16], "swap.json")));
    }

    [Fact]
    public async Task BothVersionsSideBySideInOnePod()
    {
        var pod = await RunPodAsync();
        var old = await pod.RunAsync("sleep 1000");
        UseShim(_today);
        try
        {
            var fresh = await pod.RunAsync(SwapTests.Server);
            var ended = await fresh.Swap(SwapTests.Quick(("A", "b"))).EndAsync();
            Assert.Equal(Outcome.Swapped, ended.Outcome);
            await Daemon.RestartAsync();
            Assert.Equal("b", await fresh.ExecAsync("tr '\\0' '\\n' < /proc/1/environ | sed -n s/^A=//p"));
            Assert.Equal("old", await old.ExecAsync("echo old"));
        }
        finally
        {
            UseShim(Installation.PreviousShim);
        }
    }

    /// <summary>That daemon takes no answer but its own version, and may meet a binary that was replaced before it was restarted.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    public async Task TodaysShimAnswersEachDaemonInAVersionThatBothSpeak(byte asked, byte answered)
    {
        UseShim(_today);
        try
        {
            var container = await RunAsync("sleep 1000");
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(World.State, "c", container.Id[..16], "shim.sock")));
            // Request { service, method, payload: HelloRequest { protocol_version } }, one frame on stream 1.
            byte[] request = [.. Field(1, "shimruntime.shim.v1.Shim"u8), .. Field(2, "Hello"u8), .. Field(3, [0x08, asked])];
            await socket.SendAsync((byte[])[0, 0, 0, (byte)request.Length, 0, 0, 0, 1, 1, 1, .. request]);
            var answer = new byte[4096];
            var count = await socket.ReceiveAsync(answer);
            // Response { payload: HelloResponse { protocol_version, … } }, whose length is a varint of one byte or two.
            var version = answer[11] < 0x80 ? 12 : 13;
            Assert.True(count > version + 1, $"{count} bytes");
            Assert.Equal((2, 0x12, 0x08, answered), (answer[8], answer[10], answer[version], answer[version + 1]));
        }
        finally
        {
            UseShim(Installation.PreviousShim);
        }
    }

    private static byte[] Field(int number, ReadOnlySpan<byte> content) => [(byte)(number << 3 | 2), (byte)content.Length, .. content];

    /// <summary>By a rename, since a running binary can't be written to.</summary>
    private void UseShim(string binary)
    {
        var path = Path.Combine(World.Bin, "shimruntime-shim");
        File.Copy(binary, path + ".new", true);
        File.Move(path + ".new", path, true);
    }
}
