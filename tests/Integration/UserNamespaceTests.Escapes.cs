using System.Text.Json.Nodes;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>What root of a user namespace tries, to be more than that.</summary>
public sealed partial class UserNamespaceTests
{
    [Fact]
    public async Task ASetIdProgramMakesRootOfTheNamespaceAndNoNewPrivilegesForbidsIt()
    {
        var layer = new LayerBuilder().File("bin/suid", await File.ReadAllBytesAsync(Installation.Tool("busybox")), "4755").HardLink("bin/su", "bin/suid")
            .File("etc/passwd", "root::0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n");
        var image = await (await TestImages.OnBusyboxAsync()).Layer(layer).PushAsync(await Registry.SharedAsync(), "users/suid");
        await Daemon.PullAsync(image.Reference);
        var pod = await RunUsersPodAsync();
        var container = await pod.RunAsync("sleep 1000", c =>
        {
            c.Image.Image = image.Reference;
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
        });
        Assert.Equal("1000\n0", await container.ExecAsync("id -u; /bin/su -c 'id -u' root"));
        // One that it makes is the host's user's who is root inside, and nobody else's.
        await container.ExecAsync("/bin/su -c 'cp /bin/busybox /mine && chmod 6755 /mine' root");
        Assert.Equal("200000:300000:6755", Squeeze(await Command.ShellAsync($"stat -c %u:%g:%a /proc/{await container.PidAsync()}/root/mine")));
        var bound = await pod.RunAsync("sleep 1000", c =>
        {
            c.Image.Image = image.Reference;
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.NoNewPrivs = true;
        });
        Assert.NotEqual(0, (await bound.ExecSyncAsync(10, "/bin/su", "-c", "id -u", "root")).ExitCode);
    }

    [Fact]
    public async Task EvenAPrivilegedContainerHasNoPowerOverTheHost()
    {
        var pod = await RunUsersPodAsync(p => p.Linux.SecurityContext.Privileged = true);
        var container = await pod.RunAsync("sleep 1000", c => c.Linux.SecurityContext.Privileged = true);
        Assert.StartsWith("000001ff", await container.ExecAsync("grep CapEff /proc/self/status | cut -f2"), StringComparison.Ordinal);
        foreach (var attempt in new[]
        {
            "v=$(cat /proc/sys/kernel/core_pattern); echo \"$v\" > /proc/sys/kernel/core_pattern",
            "mknod /disk b 254 0",
            "for d in /dev/vd? /dev/sd? /dev/nvme?n?; do [ -b $d ] && head -c1 $d && exit 0; done; exit 1",
            "echo 0 > /sys/kernel/mm/ksm/run",
            "echo 0 > /proc/1/root/proc/sys/vm/drop_caches",
            "echo h > /proc/sysrq-trigger",
            "! date -s \"$(date '+%Y-%m-%d %H:%M:%S')\" 2>&1 | grep -q 'not permitted'",
            "mount -t devtmpfs none /mnt",
            "mount -t cgroup -o memory none /mnt || mount -t cgroup2 none /mnt && echo $$ > /mnt/cgroup.procs",
            "for f in $(find /sys/fs/cgroup -name cgroup.procs); do echo $$ > $f && exit 0; done; exit 1",
            "for f in $(find /sys/fs/cgroup -name '*.max' -o -name '*limit_in_bytes' -o -name release_agent -o -name devices.allow); do echo 1 > $f && exit 0; done; exit 1",
            "echo -1000 > /proc/self/oom_score_adj && test $(cat /proc/self/oom_score_adj) = -1000",
        })
        {
            var result = await container.ExecSyncAsync(10, "/bin/sh", "-c", attempt);
            Assert.True(result.ExitCode != 0, $"'{attempt}' succeeded: {result.Stdout.ToStringUtf8()}{result.Stderr.ToStringUtf8()}");
        }

        // Its own: what it may, it can.
        await container.ExecAsync("mount -t tmpfs none /mnt && hostname mine && ip link set lo down && ip link set lo up");
    }

    [Fact]
    public async Task ADeviceThatAnImageBringsOpensNothing()
    {
        // Root inside owns the image's files, so a node for the host's disk would be the disk.
        var layer = new LayerBuilder().Device("zero", 1, 5, "666").Device("data/zero", 1, 5, "666").File("data/file", "kept").Fifo("data/fifo");
        var image = await (await TestImages.OnBusyboxAsync()).Layer(layer).With("Volumes", new JsonObject { ["/data"] = new JsonObject() })
            .PushAsync(await Registry.SharedAsync(), "users/device");
        await Daemon.PullAsync(image.Reference);
        var pod = await RunUsersPodAsync(p => p.Linux.SecurityContext.Privileged = true);
        var container = await pod.RunAsync("sleep 1000", c =>
        {
            c.Image.Image = image.Reference;
            c.Linux.SecurityContext.Privileged = true;
        });
        Assert.Equal("1 5", Squeeze(await container.ExecAsync("stat -c '%t %T' /zero")));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "head", "-c1", "/zero")).ExitCode);
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "/bin/sh", "-c", "mount -o remount,dev,bind / && head -c1 /zero")).ExitCode);
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "/bin/sh", "-c", "mkdir /b && mount --bind / /b && mount -o remount,dev,bind /b && head -c1 /b/zero")).ExitCode);
        Assert.Equal("fifo file", Squeeze(await container.ExecAsync("ls /data")));
    }

    [Fact]
    public async Task WhatIsExecutedIsInItWithItsIdsAndPowers()
    {
        const string Who = "readlink /proc/self/ns/user; grep -E '^(Uid|Gid|Groups|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status";
        var pod = await RunUsersPodAsync();
        foreach (var user in new[] { 0L, 1000L })
        {
            var container = await pod.RunAsync($"{Who}; sleep 1000", c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = user });
            await Eventually.True(() => container.Log().Lines().Count == 8, "all is said");
            var init = string.Join('\n', container.Log().Lines());
            Assert.Equal($"{Users + user}", Processes.Status(await container.PidAsync(), "Uid").Split('\t')[0]);
            Assert.Equal(init, await container.ExecAsync(Who));
            await using var exec = await RemoteCommand.ExecAsync(container, new(), "sh", "-c", Who);
            Assert.Equal(0, await exec.ExitCodeAsync());
            Assert.Equal(init, exec.Stdout.Text().TrimEnd());
            Assert.Equal("0 1 2", Squeeze(await container.ExecAsync("ls /proc/1/fd")));
        }
    }

    [Fact]
    public async Task TheHostsFilesOfThePodAreNobodyElses()
    {
        var container = await (await RunUsersPodAsync()).RunAsync("sleep 1000");
        Assert.Equal("0:0", Squeeze(await Command.ShellAsync($"stat -c %u:%g {container.LogPath}")));
        var run = Path.Combine(World.State, "c", container.Id[..16]);
        // Root of the pod as the host has it, and a user of the host.
        foreach (var (uid, gid) in new[] { (Users, Groups), (Users, Users) })
        {
            foreach (var command in new[] { $"ls {run}", $"cat {run}/g1/config.json", $"cat {World.Root}/containers/{container.Id}/request.pb" })
                Assert.NotEqual(0, (await AsAsync(uid, gid, command)).ExitCode);
        }

        Assert.Equal(0, (await AsAsync(Users, Groups, $"test -x {run}/rootfs/bin/busybox")).ExitCode);
        Assert.NotEqual(0, (await AsAsync(Users, Users, $"test -x {run}/rootfs/bin/busybox")).ExitCode);
        Assert.NotEqual(0, (await AsAsync(Users, Groups, $"test -w {run}/shim.sock")).ExitCode);

        static Task<CommandResult> AsAsync(uint uid, uint gid, string command) =>
            Command.RunAsync("setpriv", [$"--reuid={uid}", $"--regid={gid}", "--clear-groups", "sh", "-c", command]);
    }

    [Fact]
    public async Task ACheckpointIsRefusedForItsNamespaceAndNothingElse()
    {
        var pod = await RunUsersPodAsync();
        var container = await pod.RunAsync("sleep 1000");
        var path = Path.Combine(World.Root, "users.tar");
        await RefusedAsync(
            StatusCode.FailedPrecondition, Runtime.CheckpointContainerAsync(new CheckpointContainerRequest { ContainerId = container.Id, Location = path }), "user namespace");
        await RefusedAsync(
            StatusCode.FailedPrecondition, Runtime.CheckpointPodAsync(new CheckpointPodRequest { PodSandboxId = pod.Id, OutputPath = path }), "user namespace");
        var restore = new RestorePodRequest { CheckpointPath = path, Config = pod.Config.Clone() };
        restore.Config.Metadata.Attempt++;
        await RefusedAsync(StatusCode.FailedPrecondition, Runtime.RestorePodAsync(restore), "user namespace");
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
    }
}
