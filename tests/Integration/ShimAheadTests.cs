using System.Text.Json.Nodes;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The shim that is started before its container: used by the pod's first, and gone with its pod, its daemon or its binary.</summary>
public sealed class ShimAheadTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task ThePodsFirstContainerGetsIt()
    {
        var pod = await RunPodAsync();
        var waiting = Assert.Single(Waiting());
        var first = await pod.RunAsync("echo first; sleep 1000");
        Assert.Equal(waiting, ShimOf(first.Id));
        var second = await pod.RunAsync("echo second; sleep 1000");
        Assert.NotEqual(waiting, ShimOf(second.Id));
        await Eventually.True(() => first.Log().Text("stdout") == "first\n" && second.Log().Text("stdout") == "second\n", "both run");
    }

    [Fact]
    public async Task ItEndsWithAPodThatHadNoContainer()
    {
        var pod = await RunPodAsync();
        var waiting = Assert.Single(Waiting());
        await pod.StopAsync();
        Assert.Equal(' ', Processes.StateOf(waiting)); // reaped, too
    }

    [Fact]
    public async Task ItEndsWithItsDaemon()
    {
        var pod = await RunPodAsync();
        var waiting = Assert.Single(Waiting());
        await Daemon.KillAsync();
        await Eventually.True(() => !Processes.IsAlive(waiting), "a shim without a container ends with its daemon");
        await Daemon.StartAsync();
        var container = await pod.RunAsync("echo after; sleep 1000");
        await Eventually.True(() => container.Log().Text("stdout") == "after\n", "the container runs");
    }

    [Fact]
    public async Task OneOfAReplacedBinaryIsNotUsed()
    {
        var pod = await RunPodAsync();
        var waiting = Assert.Single(Waiting());
        var path = Path.Combine(World.Bin, "shimruntime-shim");
        await Command.ShellAsync($"cp -p {path} {path}.new && mv {path}.new {path}");
        var container = await pod.RunAsync("sleep 1000");
        Assert.Equal(' ', Processes.StateOf(waiting));
        Assert.Equal(path, Processes.Link(ShimOf(container.Id), "exe")); // not "(deleted)"
    }

    [Fact]
    public async Task OneThatHasDiedIsNotMissed()
    {
        var pod = await RunPodAsync();
        await Command.ShellAsync($"kill -9 {Assert.Single(Waiting())}");
        var container = await pod.RunAsync("echo up; sleep 1000");
        await Eventually.True(() => container.Log().Text("stdout") == "up\n", "the container runs");
    }

    private List<int> Waiting() => [.. Processes.All().Where(pid => Processes.ParentOf(pid) == Daemon.Pid
        && Processes.Read(pid, "cmdline").EndsWith("\0serve\0ahead\0", StringComparison.Ordinal))];

    private int ShimOf(string container) =>
        (int)JsonNode.Parse(File.ReadAllText(Path.Combine(World.State, "c", container[..16], "shim.json")))!["shimPid"]!;
}
