using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>PID namespaces: POD with its isolated init, CONTAINER, NODE, TARGET.</summary>
public sealed class PidModeTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task ContainerModeIsPidOneInANamespaceOfItsOwnAndNeedsNoPodInit()
    {
        var container = await RunAsync("echo $$; sleep 1000");
        await container.LoggedAsync("1");
        Assert.DoesNotContain(PodInits(), _ => true);
    }

    [Fact]
    public async Task PodModeIsTheDefaultSharedAndReaped()
    {
        var pod = await RunPodAsync(p => p.Linux = null);
        Assert.Single(PodInits());
        var a = await pod.RunAsync("sleep 4444", Plain);
        var b = await pod.RunAsync("(sleep 0.2 &) ; exec sleep 5555", Plain);
        Assert.Equal(Processes.Link(await a.PidAsync(), "ns/pid"), Processes.Link(await b.PidAsync(), "ns/pid"));
        Assert.Contains("sleep 5555", await a.ExecAsync("ps -o args"), StringComparison.Ordinal);
        await Eventually.Value(() => a.ExecAsync("grep -l '^State:.*Z' /proc/[0-9]*/status 2>/dev/null | wc -l"), t => t == "0", "the pod init reaps orphans");
        await a.StopAsync(0);
        Assert.Equal(ContainerState.ContainerRunning, (await b.StatusAsync()).State);
    }

    [Fact]
    public async Task ThePodInitShowsNothingOfTheHostToAPrivilegedContainer()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext = new LinuxSandboxSecurityContext { Privileged = true, NamespaceOptions = new NamespaceOption() });
        var container = await pod.RunAsync("sleep 1000", c => c.Linux.SecurityContext.Privileged = true);
        var init = Assert.Single(PodInits());
        Assert.Equal("1", await container.ExecAsync("cut -d' ' -f1 /proc/1/stat"));
        Assert.Equal("", await container.ExecAsync("ls -A /proc/1/root/"));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "sh", "-c", "cat /proc/1/root/etc/passwd")).ExitCode);
        // The executable must not be a way to write our binary on the host (CVE-2019-5736).
        var overwrite = await container.ExecSyncAsync(10, "sh", "-c", "echo x >> /proc/1/exe");
        Assert.NotEqual(0, overwrite.ExitCode);
        Assert.Equal("0", await container.ExecAsync("ls /proc/1/fd | wc -l"));
        Assert.Equal("0", await container.ExecAsync("wc -c < /proc/1/environ"));
        Assert.Equal("0000000000000000", Processes.Status(init, "CapEff"));
        Assert.Equal("0000000000000000", Processes.Status(init, "CapBnd"));
        Assert.Equal("1", Processes.Status(init, "NoNewPrivs"));
        Assert.Equal("65535\t65535\t65535\t65535", Processes.Status(init, "Uid"));
        Assert.Equal("65535\t65535\t65535\t65535", Processes.Status(init, "Gid"));
        Assert.Empty(Processes.FdTargets(init));
        Assert.EndsWith($"/{pod.Id}", Cgroups.Of(init, "memory"), StringComparison.Ordinal);
        Assert.NotEqual(Processes.Link(Environment.ProcessId, "ns/mnt"), Processes.Link(init, "ns/mnt"));
        Assert.Equal(Processes.Link(await container.PidAsync(), "ns/net"), Processes.Link(init, "ns/net"));
    }

    [Fact]
    public async Task TheDeathOfThePodInitMakesThePodNotReady()
    {
        var pod = await RunPodAsync(p => p.Linux = null);
        var container = await pod.RunAsync("sleep 1000", Plain);
        await Command.ShellAsync($"kill -9 {Assert.Single(PodInits())}");
        await Eventually.Value(pod.StatusAsync, s => s.State == PodSandboxState.SandboxNotready, "the sandbox is not ready");
        await container.ExitedAsync();
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => pod.CreateAsync("true", Plain), pod.Id);
    }

    [Fact]
    public async Task NodeModeIsTheHosts()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Node);
        var container = await pod.RunAsync("sleep 1000");
        Assert.Equal(Processes.Link(Environment.ProcessId, "ns/pid"), Processes.Link(await container.PidAsync(), "ns/pid"));
        Assert.Contains("shimruntimed", await container.ExecAsync("ps -o args"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TargetModeJoinsTheNamespaceOfOneContainer()
    {
        var pod = await RunPodAsync();
        var target = await pod.RunAsync("sleep 6666");
        var debugger = await pod.RunAsync("sleep 1000", c =>
            c.Linux.SecurityContext.NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Target, TargetId = target.Id });
        Assert.Equal(Processes.Link(await target.PidAsync(), "ns/pid"), Processes.Link(await debugger.PidAsync(), "ns/pid"));
        Assert.Contains("sleep 6666", await debugger.ExecAsync("ps -o args"), StringComparison.Ordinal);
        var stranger = await (await RunPodAsync()).RunAsync("sleep 1000");
        await Faults.ExpectAsync(StatusCode.NotFound, () => pod.CreateAsync("true", c =>
            c.Linux.SecurityContext.NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Target, TargetId = stranger.Id }), stranger.Id);
    }

    [Fact]
    public async Task TheEndOfATargetEndsItsDebuggerToo()
    {
        var pod = await RunPodAsync();
        var target = await pod.RunAsync("sleep 6666");
        var debugger = await pod.RunAsync("sleep 1000", c =>
            c.Linux.SecurityContext.NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Target, TargetId = target.Id });
        await target.StopAsync(0);
        Assert.Equal(137, (await debugger.ExitedAsync()).ExitCode);
    }

    [Fact]
    public async Task AThousandOrphansOfAHostPidContainerLeaveNoZombie()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Node);
        var container = await pod.RunAsync("n=0; while [ $n -lt 1000 ]; do (sleep 0.1 & ) ; n=$((n+1)); done; echo spawned; exec sleep 1000");
        await container.LoggedAsync("spawned", TimeSpan.FromSeconds(60));
        var shim = Processes.ParentOf(await container.PidAsync());
        await Eventually.True(
            () => !Processes.All().Any(p => Processes.ParentOf(p) == shim && Processes.StateOf(p) == 'Z'), "the shim has reaped every orphan");
        await Eventually.True(
            () => Processes.All().Count(p => Processes.ParentOf(p) == shim) <= 1, "nothing but the init is the shim's child");
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }

    private static void Plain(ContainerConfig config) => config.Linux = null;

    private List<int> PodInits() =>
        [.. Processes.All().Where(p => Processes.Link(p, "exe").Contains("memfd:pause", StringComparison.Ordinal)
            && Processes.Read(p, "cgroup").Contains(World.CgroupRoot, StringComparison.Ordinal))];
}
