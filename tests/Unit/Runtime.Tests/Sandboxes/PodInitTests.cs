using System.Text;
using System.Text.Json.Nodes;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Sandboxes;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Sandboxes;

/// <summary>PID 1 of a shared PID namespace, the published binary: what its neighbours see, its death, its end.</summary>
public sealed class PodInitTests : IDisposable
{
    private readonly SandboxWorld _world = new();

    public PodInitTests() => Assert.True(File.Exists(_world.Options.ShimPath), $"{_world.Options.ShimPath} is missing; run 'make build' first");

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_privileged_neighbour_sees_nothing_of_the_host_through_it()
    {
        _world.UseBridge();
        var sandboxes = await _world.StartAsync();
        var id = await sandboxes.RunAsync(SandboxWorld.Request(pid: NamespaceMode.Pod), CancellationToken.None);
        Directory.CreateDirectory(_world.At("proc"));

        // All capabilities, host user namespace, the pod's PID namespace: a privileged container and more.
        var seen = await InsideAsync(id, $$"""
            mount -t proc proc {{_world.At("proc")}} && cd {{_world.At("proc")}}/1
            echo "root=$(ls -A root/ | tr '\n' ' ')"; echo "cwd=$(ls -A cwd/ | tr '\n' ' ')"; echo "exe=$(readlink exe)"
            (echo x > root/written) 2>/dev/null && echo WROTE-ROOT; (echo x >> exe) 2>/dev/null && echo WROTE-EXE
            for t in task/*; do echo "task=$(ls -A $t/root/ | tr '\n' ' ')$(ls -A $t/fd | tr '\n' ' ')"; done
            echo "environ=$(tr '\0' ' ' < environ)"; echo "cmdline=$(tr '\0' ' ' < cmdline)"
            wc -l < mountinfo | sed s/^/mounts=/; echo "mapped=$(readlink map_files/* | sort -u | tr '\n' ' ')"; echo "comm=$(cat comm)"
            """);
        Assert.Contains("root=\n", seen, StringComparison.Ordinal);
        Assert.Contains("cwd=\n", seen, StringComparison.Ordinal);
        Assert.Contains("exe=/memfd:pause (deleted)\n", seen, StringComparison.Ordinal);
        Assert.Contains("mapped=/memfd:pause (deleted) \n", seen, StringComparison.Ordinal);
        Assert.Contains("comm=pause\n", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("WROTE", seen, StringComparison.Ordinal);
        Assert.Equal("task=", Assert.Single(seen.Split('\n'), l => l.StartsWith("task=", StringComparison.Ordinal)));
        Assert.Contains("environ=\n", seen, StringComparison.Ordinal);
        Assert.Contains("cmdline=pause \n", seen, StringComparison.Ordinal);
        Assert.Contains("mounts=1\n", seen, StringComparison.Ordinal);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task It_has_no_privilege_and_the_pods_namespaces_and_cgroup()
    {
        _world.UseBridge();
        var sandboxes = await _world.StartAsync();
        var id = await sandboxes.RunAsync(SandboxWorld.Request(pid: NamespaceMode.Pod), CancellationToken.None);
        var pid = Pid(sandboxes, id);

        var status = File.ReadAllLines($"/proc/{pid}/status").Select(l => l.Split(':', 2)).ToDictionary(l => l[0], l => l[1].Trim());
        Assert.Equal("65535\t65535\t65535\t65535", status["Uid"]);
        Assert.Equal("65535\t65535\t65535\t65535", status["Gid"]);
        Assert.Equal("", status["Groups"]);
        foreach (var set in new[] { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" }) Assert.Equal("0000000000000000", status[set]);
        Assert.Equal(("1", "1", $"{pid}\t1"), (status["NoNewPrivs"], status["Threads"], status["NSpid"]));
        Assert.InRange(int.Parse(status["VmRSS"].Split(' ')[0], null), 1, 64); // kB

        // Owned by root although its uid is 65535: not dumpable.
        Assert.Equal("0", (await InsideAsync(id, $"stat -c %u /proc/{pid}/exe")).Trim());

        foreach (var (kind, pin) in new[] { ("net", _world.At($"netns/shimruntime-{id[..16]}")), ("ipc", Ns(id, "ipc")), ("uts", Ns(id, "uts")), ("pid", Ns(id, "pid")) })
            Assert.Equal(LinuxNamespace.Identity($"/proc/{pid}/ns/{kind}"), LinuxNamespace.Identity(pin));
        Assert.NotEqual(LinuxNamespace.Identity("/proc/self/ns/mnt"), LinuxNamespace.Identity($"/proc/{pid}/ns/mnt"));
        Assert.Contains($"{_world.Options.CgroupRoot}/{id}/{id}", File.ReadAllText($"/proc/{pid}/cgroup"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_a_user_namespace_it_has_no_privilege_there_either_and_is_nobody_on_the_host()
    {
        _world.UseBridge();
        var sandboxes = await _world.StartAsync();
        var request = SandboxWorld.Request(pid: NamespaceMode.Pod);
        var ids = new IDMapping { ContainerId = 0, HostId = 200_000, Length = 65_536 };
        request.Config.Linux.SecurityContext.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Pod, Uids = { ids }, Gids = { ids } };
        var id = await sandboxes.RunAsync(request, CancellationToken.None);
        var pid = Pid(sandboxes, id);

        var status = File.ReadAllLines($"/proc/{pid}/status").Select(l => l.Split(':', 2)).ToDictionary(l => l[0], l => l[1].Trim());
        Assert.Equal("265535\t265535\t265535\t265535", status["Uid"]);
        Assert.Equal("265535\t265535\t265535\t265535", status["Gid"]);
        Assert.Equal("", status["Groups"]);
        foreach (var set in new[] { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" }) Assert.Equal("0000000000000000", status[set]);
        Assert.Equal(("1", "1", $"{pid}\t1"), (status["NoNewPrivs"], status["Threads"], status["NSpid"]));
        // A machine may keep CAP_SYS_RESOURCE from its root.
        var own = CgroupFile.Read("/proc/self/oom_score_adj");
        var may = CgroupFile.TryWrite("/proc/self/oom_score_adj", "-998");
        _ = CgroupFile.TryWrite("/proc/self/oom_score_adj", own);
        Assert.Equal(may ? "-998" : own, CgroupFile.Read($"/proc/{pid}/oom_score_adj"));
        Assert.Equal($"{Environment.ProcessId}", status["PPid"]);
        Assert.Empty(Directory.EnumerateFileSystemEntries($"/proc/{pid}/fd"));
        Assert.Empty(Directory.EnumerateFileSystemEntries($"/proc/{pid}/root/"));
        foreach (var (kind, pin) in new[] { ("user", Ns(id, "user")), ("net", _world.At($"netns/shimruntime-{id[..16]}")), ("ipc", Ns(id, "ipc")), ("uts", Ns(id, "uts")), ("pid", Ns(id, "pid")) })
            Assert.Equal(LinuxNamespace.Identity($"/proc/{pid}/ns/{kind}"), LinuxNamespace.Identity(pin));
        Assert.NotEqual(LinuxNamespace.Identity("/proc/self/ns/user"), LinuxNamespace.Identity($"/proc/{pid}/ns/user"));
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task One_that_does_not_start_in_a_user_namespace_leaves_nothing_either()
    {
        _world.Options = _world.Options with { ShimPath = "/bin/false" };
        _world.UseBridge();
        var sandboxes = await _world.StartAsync();
        var request = SandboxWorld.Request(pid: NamespaceMode.Pod);
        var ids = new IDMapping { ContainerId = 0, HostId = 200_000, Length = 65_536 };
        request.Config.Linux.SecurityContext.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Pod, Uids = { ids }, Gids = { ids } };
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.RunAsync(request, CancellationToken.None));
        Assert.Contains("the pod init '/bin/false' ended before it was ready (exit code 1)", fault.Message, StringComparison.Ordinal);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task It_reaps_the_orphans_of_the_pod()
    {
        var sandboxes = await _world.StartAsync();
        var id = await sandboxes.RunAsync(SandboxWorld.Request(network: NamespaceMode.Node, pid: NamespaceMode.Pod), CancellationToken.None);
        await InsideAsync(id, "i=0; while [ $i -lt 50 ]; do (sh -c 'sleep 0.1' & ) ; i=$((i+1)); done; exit 0");
        var pid = Pid(sandboxes, id);
        await Eventually.TrueAsync(() => File.ReadAllText($"/proc/{pid}/task/{pid}/children").Trim().Length == 0);
    }

    [Fact]
    public async Task Its_death_makes_the_pod_not_ready_and_the_pod_can_be_removed()
    {
        var sandboxes = await _world.StartAsync();
        var id = await sandboxes.RunAsync(SandboxWorld.Request(network: NamespaceMode.Node, pid: NamespaceMode.Pod), CancellationToken.None);
        using (var init = SafePidFd.TryOpen(Pid(sandboxes, id))) init!.Signal(9);
        await Eventually.TrueAsync(() => sandboxes.List(null)[0].State == PodSandboxState.SandboxNotready);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task A_new_daemon_watches_it_and_ends_it()
    {
        var first = await _world.StartAsync();
        var a = await first.RunAsync(SandboxWorld.Request("a", NamespaceMode.Node, NamespaceMode.Pod), CancellationToken.None);
        var b = await first.RunAsync(SandboxWorld.Request("b", NamespaceMode.Node, NamespaceMode.Pod), CancellationToken.None);
        _world.KillDaemon();
        var sandboxes = await _world.StartAsync();
        Assert.All(sandboxes.List(null), s => Assert.Equal(PodSandboxState.SandboxReady, s.State));
        var pid = Pid(sandboxes, a);
        using (var init = SafePidFd.TryOpen(Pid(sandboxes, b))) init!.Signal(9);
        await Eventually.TrueAsync(() => sandboxes.List(null).Single(s => s.Id == b).State == PodSandboxState.SandboxNotready);
        foreach (var id in new[] { a, b }) await sandboxes.RemoveAsync(id, CancellationToken.None);
        await Eventually.TrueAsync(() => !Directory.Exists($"/proc/{pid}"));
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task One_that_does_not_start_fails_the_pod_and_leaves_nothing()
    {
        _world.Options = _world.Options with { ShimPath = "/bin/false" };
        var sandboxes = await _world.StartAsync();
        var fault = await Assert.ThrowsAsync<RuntimeFault>(
            () => sandboxes.RunAsync(SandboxWorld.Request(network: NamespaceMode.Node, pid: NamespaceMode.Pod), CancellationToken.None));
        Assert.Contains("the pod init '/bin/false' ended before it was ready (exit code 1)", fault.Message, StringComparison.Ordinal);
        Assert.Empty(sandboxes.List(null));
        Assert.Empty(_world.Leftovers());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_ends_with_a_daemon_that_has_not_put_it_where_recovery_looks(bool isReady)
    {
        var sandbox = SandboxShape.Of(SandboxId.New(), SandboxWorld.Request(network: NamespaceMode.Node, pid: NamespaceMode.Pod), new SandboxPaths(_world.Options)) with
        {
            IpcNamespace = null,
            UtsNamespace = null,
        };
        Directory.CreateDirectory(_world.At("root"));
        var starting = await new PodInitLauncher(_world.Options.ShimPath).StartAsync(sandbox, _world.At("root"));
        using var init = SafePidFd.TryOpen(starting.Pid)!;
        if (isReady)
        {
            await starting.WaitAsync();
            Assert.False(FileDescriptor.WaitReadable(init.Fd, 200)); // it waits for its word
        }

        starting.Dispose(); // what the kernel does for a daemon that dies
        Assert.True(FileDescriptor.WaitReadable(init.Fd, 10_000), $"pid {starting.Pid} goes on");
        starting.End();
    }

    private string Ns(string id, string kind) => _world.At($"state/sandboxes/{id}/ns/{kind}");

    private static int Pid(SandboxService sandboxes, string id) =>
        (int)JsonNode.Parse(sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = id, Verbose = true }).Info["info"])!["pid"]!;

    private async Task<string> InsideAsync(string id, string script)
    {
        using var output = MemoryFile.Bounded("inside", 1 << 20);
        using var child = Spawner.Spawn(new SpawnRequest
        {
            Path = "/usr/bin/nsenter",
            Arguments = ["nsenter", $"--pid={Ns(id, "pid")}", "--", "unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            Fds = [new FdMapping((int)output.DangerousGetHandle(), 1), new FdMapping((int)output.DangerousGetHandle(), 2)],
        });
        _ = await _world.Exits.ReapAsync(child, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        return Encoding.UTF8.GetString(MemoryFile.ReadWritten(output));
    }
}
