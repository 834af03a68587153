using ShimRuntime.Integration.Tests.Harness;
using Xunit.Sdk;

namespace ShimRuntime.Integration.Tests;

/// <summary>The leak check itself: each kind of leak, made on purpose, is seen and named.</summary>
public sealed class LeakCheckTests : IAsyncLifetime
{
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(200);
    private readonly World _world = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => Assert.Equal("", await _world.DestroyAsync());

    [Fact]
    public async Task NothingLeftIsNoLeak()
    {
        var before = await LeakCheck.TakeAsync(_world, 0);
        await before.AssertRestoredAsync(_world, 0);
    }

    [Theory]
    [InlineData("mount", "mkdir -p {state}/m && mount -t tmpfs srt {state}/m", "umount {state}/m && rmdir {state}/m")]
    [InlineData("file", "touch {root}/left", "rm {root}/left")]
    [InlineData("cgroup", "mkdir -p {cgroup}/left", "rmdir {cgroup}/left")]
    [InlineData("process", "cp /bin/busybox {state}/busybox && ({state}/busybox sleep 99 </dev/null >/dev/null 2>&1 & echo $! > {base}/pid)",
        "kill $(cat {base}/pid) && rm {state}/busybox")]
    [InlineData("iptables rule", "iptables -w -t nat -A POSTROUTING -s {subnet}.9/32 -d 127.0.0.9/32 -j RETURN",
        "iptables -w -t nat -D POSTROUTING -s {subnet}.9/32 -d 127.0.0.9/32 -j RETURN")]
    [InlineData("bridge port", "ip link add {bridge} type bridge && ip link add {veth} type veth peer name {peer} && ip link set {veth} master {bridge}",
        "ip link delete {veth} && ip link delete {bridge}")]
    [InlineData("address", "mkdir -p {base}/ipam/{network} && touch {base}/ipam/{network}/{subnet}.7", "rm {base}/ipam/{network}/{subnet}.7")]
    public async Task EveryKindOfLeakIsNamed(string kind, string make, string undo)
    {
        var before = await LeakCheck.TakeAsync(_world, 0);
        await Command.ShellAsync(Fill(make));
        var failure = await Assert.ThrowsAsync<FailException>(() => before.AssertRestoredAsync(_world, 0, Brief));
        await Command.ShellAsync(Fill(undo));
        Assert.Contains($"{kind}: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnFdLeakOfTheDaemonIsNamed()
    {
        var before = await LeakCheck.TakeAsync(_world, Environment.ProcessId);
        using var file = File.OpenHandle(Path.Combine(_world.Base, "left"), FileMode.Create, FileAccess.Write);
        var failure = await Assert.ThrowsAsync<FailException>(() => before.AssertRestoredAsync(_world, Environment.ProcessId, Brief));
        Assert.Contains($"fd of the daemon: {_world.Base}/left", failure.Message, StringComparison.Ordinal);
    }

    private string Fill(string script) => script
        .Replace("{base}", _world.Base, StringComparison.Ordinal).Replace("{root}", _world.Root, StringComparison.Ordinal)
        .Replace("{state}", _world.State, StringComparison.Ordinal).Replace("{subnet}", _world.SubnetPrefix, StringComparison.Ordinal)
        .Replace("{cgroup}", Cgroups.Hierarchies[0] + _world.CgroupRoot, StringComparison.Ordinal)
        .Replace("{bridge}", _world.Bridge, StringComparison.Ordinal).Replace("{network}", _world.Network, StringComparison.Ordinal)
        .Replace("{veth}", "v" + _world.Tag, StringComparison.Ordinal).Replace("{peer}", "p" + _world.Tag, StringComparison.Ordinal);
}
