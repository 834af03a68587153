using System.Security.Cryptography;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>shimctl doctor: every kind of orphan made for real, found, explained, left alone without --fix and removed with it; what is foreign stays.</summary>
public sealed class DoctorTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private string Aside => Path.Combine(World.Base, "hidden");

    [Fact]
    public async Task WhereAllIsInOrderNothingIsFound()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = Cri.V1.NamespaceMode.Pod);
        await pod.RunAsync("sleep 1000");
        await (await pod.RunAsync("exit 3")).ExitedAsync();
        await pod.CreateAsync("echo never");
        await (await RunPodAsync()).StopAsync();
        var run = await Daemon.ShimctlAsync("doctor");
        Assert.Equal((0, "nothing was found\n"), (run.ExitCode, run.Output));
        Assert.Equal(0, (await Daemon.ShimctlAsync("doctor", "--fix")).ExitCode);
        Assert.Equal(2, (await Daemon.ShimctlAsync("doctor", "--mend")).ExitCode);
    }

    [Fact]
    public async Task AContainerThatNoRecordNames()
    {
        var pod = await RunPodAsync();
        var (lost, kept) = (await pod.RunAsync("sleep 1000"), await pod.RunAsync("sleep 1000"));
        var pids = new[] { await lost.PidAsync(), Processes.ParentOf(await lost.PidAsync()) };
        var run = RunDirectory(lost.Id);
        await WhileDownAsync(() => Command.ShellAsync($"mkdir {Aside} && mv {World.Root}/containers/{lost.Id} {Aside}/record && mv {run} {Aside}/run"));
        await Command.ShellAsync($"mv {Aside}/run {run}"); // the start has seen neither
        var found = await Daemon.FindsAsync("shim", "mount", "run-directory", "runc-state", "cgroup");
        Assert.All(found, f => Assert.Equal(lost.Id, f.Id));
        Assert.Contains(found, f => f.Subject == $"pid {pids[1]}");
        Assert.Contains(found, f => f.Subject == lost.Cgroup);
        Assert.All(pids, pid => Assert.True(Processes.IsAlive(pid)));
        await Daemon.FixesAsync(found);
        Assert.All(pids, pid => Assert.False(Processes.IsAlive(pid)));
        Assert.False(Directory.Exists(run));
        Assert.Equal("kept", await kept.ExecAsync("echo kept"));
        Directory.Delete(Aside, true);
    }

    [Fact]
    public async Task AShimWhoseDirectoryIsGoneToo()
    {
        var container = await RunAsync("sleep 1000");
        var pids = new[] { await container.PidAsync(), Processes.ParentOf(await container.PidAsync()) };
        var run = RunDirectory(container.Id);
        await WhileDownAsync(() => Command.ShellAsync($"umount -l {run}/rootfs && rm -rf {run} {World.Root}/containers/{container.Id}"));
        var found = await Daemon.FindsAsync("shim", "runc-state", "cgroup");
        Assert.Contains("ids", found[0].NamedBy, StringComparison.Ordinal);
        await Daemon.FixesAsync(found);
        Assert.All(pids, pid => Assert.False(Processes.IsAlive(pid)));
    }

    [Fact]
    public async Task APodThatNoRecordNamesAndItsForeignNeighbours()
    {
        var (lost, kept) = (await RunPodAsync(), await RunAsync("sleep 1000"));
        var address = await lost.IpAsync();
        var volatileDirectory = Path.Combine(World.State, "sandboxes", lost.Id);
        await WhileDownAsync(() => Command.ShellAsync(
            $"mkdir {Aside} && mv {World.Root}/sandboxes/{lost.Id} {Aside}/record && mv {volatileDirectory} {Aside}/state"));
        await Command.ShellAsync($"mv {Aside}/state {volatileDirectory}");
        var foreign = await MakeForeignAsync();
        var found = await Daemon.FindsAsync("namespace", "mount", "pod-directory", "cgroup", "cni-lease");
        Assert.All(found, f => Assert.Equal(lost.Id, f.Id));
        Assert.Contains(found, f => f.Kind == "namespace" && f.Subject == $"{World.NetnsDirectory}/shimruntime-{lost.Id[..16]}");
        Assert.Contains(found, f => f.Kind == "cni-lease" && f.Subject.EndsWith(address, StringComparison.Ordinal));
        await Daemon.FixesAsync(found);
        Assert.All(foreign, path => Assert.True(Path.Exists(path), path));
        Assert.Equal("kept", await kept.ExecAsync("echo kept"));
        await Command.ShellAsync($"umount {foreign[0]}; rm {foreign[0]} {foreign[1]}; rmdir {foreign[2]}/g1-* {foreign[2]} {foreign[3]}; umount {foreign[4]}; rmdir {foreign[4]}");
        Directory.Delete(Aside, true);
    }

    [Fact]
    public async Task ACgroupThatCameBackUnderTheIdOfARemovedContainer()
    {
        var container = await RunAsync("sleep 1000");
        await container.RemoveAsync();
        var directory = Cgroups.Directory("memory", container.Leaf);
        await Command.ShellAsync($"mkdir -p {directory} && (sleep 1000 & echo $! > {directory}/cgroup.procs; echo $! > {World.Base}/sleep.pid)");
        var pid = int.Parse(await File.ReadAllTextAsync($"{World.Base}/sleep.pid"), System.Globalization.CultureInfo.InvariantCulture);
        var found = await Daemon.FindsAsync("cgroup");
        Assert.Equal(container.Cgroup, Assert.Single(found).Subject);
        Assert.True(Processes.IsAlive(pid));
        await Command.ShellAsync($"kill -9 {pid}");
        await Daemon.FixesAsync(found);
        Assert.False(Directory.Exists(directory));
    }

    [Fact]
    public async Task AHalfMadeContainerThatTheStartCouldNotUndo()
    {
        var container = await (await RunPodAsync()).CreateAsync("echo never");
        var layer = (await Command.ShellAsync($"grep -l {container.Id} {World.Root}/snapshots/*/snapshot.json | xargs dirname")).Trim();
        await WhileDownAsync(async () =>
        {
            var record = Path.Combine(World.Root, "containers", container.Id, "record.json");
            await File.WriteAllTextAsync(record, (await File.ReadAllTextAsync(record)).Replace("\"Created\"", "\"Creating\"", StringComparison.Ordinal));
            await Command.ShellAsync($"mount --bind {layer} {layer}"); // renaming it away is EBUSY
        });
        var found = await Daemon.FindsAsync("record", "snapshot", "mount");
        Assert.Contains(found, f => f.Kind == "snapshot" && f.Subject == container.Id);
        Assert.Contains("Creating", found.Single(f => f.Kind == "record").Why, StringComparison.Ordinal);
        await Daemon.FixesAsync(found);
        Assert.False(Directory.Exists(Path.Combine(World.Root, "containers", container.Id)));
    }

    [Fact]
    public async Task AMountInUseIsLeftAndSaysSo()
    {
        var (stray, elsewhere) = (Path.Combine(World.State, "stray"), Path.Combine(World.Shared, "elsewhere"));
        await Command.ShellAsync($"mkdir {stray} {elsewhere} && mount -t tmpfs doctored {stray} && mount -t tmpfs doctored {elsewhere}");
        using var holder = Command.StartLogged("/bin/sh", ["-c", $"cd {stray} && exec sleep 1000"], Path.Combine(Daemon.Logs, "holder.log"));
        await Eventually.True(() => Processes.Link(holder.Pid, "cwd") == stray, "the mount is in use");
        var found = await Daemon.FindsAsync("mount");
        Assert.Equal(stray, Assert.Single(found).Subject);
        var run = await Daemon.ShimctlAsync("doctor", "--fix");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("left: umount2", run.Output, StringComparison.Ordinal);
        holder.PidFd.Signal(9);
        await Command.Exits.ReapAsync(holder, CancellationToken.None);
        run = await Daemon.ShimctlAsync("doctor", "--fix", "-o", "json");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("\"outcome\": \"FIXED\"", run.Output, StringComparison.Ordinal);
        Assert.Contains(elsewhere, LeakCheck.MountsOf(World));
        await Command.ShellAsync($"umount {elsewhere} && rmdir {stray} {elsewhere}");
    }

    [Fact]
    public async Task AnAddressThatAStoppedPodStillHas()
    {
        var pod = await RunPodAsync();
        await pod.StopAsync();
        var lease = Path.Combine(World.IpamDirectory, World.Network, $"{World.SubnetPrefix}.200");
        await Command.ShellAsync($"printf '{pod.Id}\\r\\neth0' > {lease}");
        var found = await Daemon.FindsAsync("cni-lease");
        Assert.True(File.Exists(lease));
        await Daemon.FixesAsync(found);
        Assert.False(File.Exists(lease));
    }

    [Fact]
    public async Task ANetworkWhoseDelFailsIsPendingUntilItDoesNot()
    {
        var broken = Path.Combine(World.Base, "broken");
        World.WritePlugin("bridge", $"if [ $CNI_COMMAND = DEL ] && [ -e {broken} ]; then echo '{{\"code\":11,\"msg\":\"no luck today\"}}'; exit 1; fi; printf %s \"$conf\" | /usr/lib/cni/bridge");
        var pod = await RunPodAsync();
        await File.WriteAllTextAsync(broken, "");
        await RefusedAsync(Grpc.Core.StatusCode.Unavailable, Runtime.StopPodSandboxAsync(new Cri.V1.StopPodSandboxRequest { PodSandboxId = pod.Id }), "no luck today");
        await Eventually.Value(() => Daemon.DoctorAsync(), f => f.Any(x => x.Kind == "pending" && x.Why.Contains("no luck today", StringComparison.Ordinal)), "it is told");
        var run = await Daemon.ShimctlAsync("doctor", "--fix");
        Assert.Equal(1, run.ExitCode);
        File.Delete(broken);
        Assert.All(await Daemon.DoctorAsync(true), f => Assert.Equal(("pending", Finding.Types.Outcome.Fixed), (f.Kind, f.Outcome))); // or it was just tried again by itself
        Assert.Empty(await Daemon.DoctorAsync());
        File.Delete(Path.Combine(World.CniBin, "bridge"));
    }

    [Fact]
    public async Task ARecordThatWasMovedAside()
    {
        var container = await RunAsync("sleep 1000");
        await WhileDownAsync(() => Command.ShellAsync($"truncate -s 40 {World.Root}/containers/{container.Id}/record.json"));
        var found = await Daemon.FindsAsync("aside");
        await Daemon.FixesAsync(found);
        Assert.Equal("still", await container.ExecAsync("echo still"));
        Directory.Delete(Path.Combine(World.Root, "aside"));
    }

    [Theory]
    [InlineData("rm {0}")]
    [InlineData("rm {0} && touch {0} && chmod 600 {0}")]
    [InlineData("echo 1 > {0}")]
    public async Task ALockThatIsNotWhatItWas(string how)
    {
        foreach (var directory in new[] { World.Root, World.State })
        {
            var path = Path.Combine(directory, "daemon.lock");
            await Command.ShellAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, how, path));
            var found = await Daemon.FindsAsync("lock");
            Assert.Equal(path, Assert.Single(found).Subject);
            await Daemon.FixesAsync(found);
            Assert.Equal($"{Daemon.Pid}\n", await Command.ShellAsync($"cat {path}")); // .NET's own opening takes a lock
            var second = await Command.RunAsync(Path.Combine(World.Bin, "shimruntimed"), Daemon.Arguments($"{World.Base}/second.sock"), TimeSpan.FromSeconds(20));
            Assert.Contains($"the daemon with pid {Daemon.Pid} serves from it", second.Error, StringComparison.Ordinal);
        }
    }

    private string RunDirectory(string id) => Path.Combine(World.State, "c", id[..16]);

    private async Task WhileDownAsync(Func<Task> change)
    {
        await Daemon.KillAsync();
        await change();
        await Daemon.StartAsync();
    }

    /// <summary>What another runtime could have there: a pin, an address, a container's cgroup, a directory, a mount elsewhere.</summary>
    private async Task<string[]> MakeForeignAsync()
    {
        var id = RandomNumberGenerator.GetHexString(64, true);
        var pin = $"{World.NetnsDirectory}/shimruntime-{id[..16]}";
        var lease = Path.Combine(World.IpamDirectory, World.Network, $"{World.SubnetPrefix}.201");
        var cgroup = Cgroups.Directory("memory", $"{World.CgroupRoot}/{id}");
        var (directory, mount) = (Path.Combine(World.State, "sandboxes", "not-an-id"), Path.Combine(World.Shared, "theirs"));
        await Command.ShellAsync($"""
            touch {pin} && unshare --net mount --bind /proc/self/ns/net {pin}
            printf '{id}\r\neth0' > {lease}
            mkdir -p {cgroup}/g1-{id} {directory} {mount}
            mount -t tmpfs theirs {mount}
            """);
        return [pin, lease, cgroup, directory, mount];
    }
}
