using System.Text.Json.Nodes;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Bind mounts, propagation, read-only, image volumes; nothing reached through a symlink.</summary>
public sealed class MountTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task AHostDirectoryIsSharedBothWays()
    {
        var source = HostDirectory("both");
        await File.WriteAllTextAsync(Path.Combine(source, "from-host"), "hello");
        var container = await RunAsync("sleep 1000", c => c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/data/deep" }));
        Assert.Equal("hello", await container.ExecAsync("cat /data/deep/from-host"));
        await container.ExecAsync("echo back > /data/deep/from-container");
        Assert.Equal("back\n", await File.ReadAllTextAsync(Path.Combine(source, "from-container")));
        var mount = Assert.Single((await container.StatusAsync()).Mounts);
        Assert.Equal((source, "/data/deep", false), (mount.HostPath, mount.ContainerPath, mount.Readonly));
    }

    [Fact]
    public async Task AMissingSourceIsMadeAsADirectory()
    {
        // As every other runtime does: kubelet's hostPath without a type relies on it.
        var source = Path.Combine(World.Shared, "made/by/runtime");
        var container = await RunAsync("sleep 1000", c => c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/mnt" }));
        await container.ExecAsync("touch /mnt/x");
        Assert.True(File.Exists(Path.Combine(source, "x")), "the directory was made on the host");
    }

    [Fact]
    public async Task AReadOnlyMountAndASingleFile()
    {
        var source = HostDirectory("readonly");
        var file = Path.Combine(source, "config");
        await File.WriteAllTextAsync(file, "key=value");
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/ro", Readonly = true });
            c.Mounts.Add(new Mount { HostPath = file, ContainerPath = "/etc/app.conf" });
        });
        Assert.Equal("key=value", await container.ExecAsync("cat /etc/app.conf"));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/ro/x")).ExitCode);
    }

    [Fact]
    public async Task RecursiveReadOnlyIsDoneOrRefusedNeverIgnored()
    {
        var source = HostDirectory("rro");
        Directory.CreateDirectory(Path.Combine(source, "below"));
        await Command.ShellAsync($"mount -t tmpfs srt-rro {source}/below");
        try
        {
            var mount = new Mount { HostPath = source, ContainerPath = "/rro", Readonly = true, RecursiveReadOnly = true };
            var claimed = (await Runtime.StatusAsync(new StatusRequest())).RuntimeHandlers.Any(h => h.Features?.RecursiveReadOnlyMounts ?? false);
            if (!claimed)
            {
                await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => RunAsync("sleep 1000", c => c.Mounts.Add(mount)), "recursive");
                return;
            }

            var container = await RunAsync("sleep 1000", c => c.Mounts.Add(mount));
            Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/rro/below/x")).ExitCode);
        }
        finally
        {
            await Command.ShellAsync($"umount {source}/below");
        }
    }

    [Fact]
    public async Task PropagationIsPrivateOrOneWayOrBoth()
    {
        var source = HostDirectory("propagation");
        foreach (var name in new[] { "late", "mine" }) Directory.CreateDirectory(Path.Combine(source, name));
        await Command.ShellAsync($"mount --bind {source} {source} && mount --make-shared {source}");
        try
        {
            var pod = await RunPodAsync(p => p.Linux.SecurityContext.Privileged = true);
            var containers = new List<Container>();
            foreach (var mode in new[] { MountPropagation.PropagationPrivate, MountPropagation.PropagationHostToContainer, MountPropagation.PropagationBidirectional })
            {
                containers.Add(await pod.RunAsync("sleep 1000", c =>
                {
                    c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/p", Propagation = mode });
                    c.Linux.SecurityContext.Privileged = mode == MountPropagation.PropagationBidirectional;
                }));
            }

            await Command.ShellAsync($"mount -t tmpfs srt-late {source}/late && touch {source}/late/seen");
            Assert.Equal(["no", "yes", "yes"], await Task.WhenAll(containers.Select(c => c.ExecAsync("[ -e /p/late/seen ] && echo yes || echo no"))));
            await containers[2].ExecAsync("mount -t tmpfs srt-mine /p/mine && touch /p/mine/seen");
            Assert.True(File.Exists(Path.Combine(source, "mine/seen")), "a mount made inside is seen on the host");
            foreach (var container in containers) await container.RemoveAsync();
        }
        finally
        {
            await Command.RunAsync("/bin/sh", ["-c", $"umount {source}/late; umount {source}/mine; umount {source}"]);
        }
    }

    [Fact]
    public async Task BidirectionalOfAMountThatIsNotSharedIsRefusedInCreate()
    {
        var source = HostDirectory("notshared");
        await Command.ShellAsync($"mount -t tmpfs srt-private {source} && mount --make-private {source}");
        try
        {
            var pod = await RunPodAsync(p => p.Linux.SecurityContext.Privileged = true);
            await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => pod.CreateAsync("true", c =>
            {
                c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/p", Propagation = MountPropagation.PropagationBidirectional });
                c.Linux.SecurityContext.Privileged = true;
            }), "shared");
        }
        finally
        {
            await Command.ShellAsync($"umount {source}");
        }
    }

    [Fact]
    public async Task AReadOnlyRootLetsTheMountsBeWritten()
    {
        var source = HostDirectory("writable");
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Linux.SecurityContext.ReadonlyRootfs = true;
            c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/mnt" });
        });
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/x")).ExitCode);
        Assert.Equal("", await container.ExecAsync("touch /mnt/x /dev/shm/x"));
    }

    [Fact]
    public async Task TheKubeletsOwnEtcHostsWinsAndALaterMountOverAnEarlierOne()
    {
        var source = HostDirectory("hosts");
        await File.WriteAllTextAsync(Path.Combine(source, "hosts"), "127.0.0.1 from-kubelet\n");
        await File.WriteAllTextAsync(Path.Combine(source, "resolv"), "nameserver 9.9.9.9\n");
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Mounts.Add(new Mount { HostPath = Path.Combine(source, "hosts"), ContainerPath = "/etc/hosts" });
            c.Mounts.Add(new Mount { HostPath = Path.Combine(source, "resolv"), ContainerPath = "/etc/resolv.conf" });
        });
        Assert.Equal("127.0.0.1 from-kubelet", await container.ExecAsync("cat /etc/hosts"));
        Assert.Equal("nameserver 9.9.9.9", await container.ExecAsync("cat /etc/resolv.conf"));
    }

    [Fact]
    public async Task AMountTargetThatIsASymlinkInTheImageStaysInside()
    {
        var image = await PushAsync("symlinks", new LayerBuilder().Symlink("escape", "/../../../../outside-of-container").Symlink("abs", "/inside"));
        var source = HostDirectory("target");
        await File.WriteAllTextAsync(Path.Combine(source, "marker"), "x");
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Image.Image = image;
            c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/escape" });
            c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/abs/deep" });
        });
        Assert.Equal("x\nx", await container.ExecAsync("cat /outside-of-container/marker; echo; cat /inside/deep/marker"));
        Assert.False(Directory.Exists("/outside-of-container"), "the host was written");
    }

    [Fact]
    public async Task AnImageVolumeThroughASymlinkDoesNotReadTheHost()
    {
        // CVE-2022-23648: a volume path that leads through a symlink to the host's /etc.
        var layer = new LayerBuilder().Symlink("vol", "/../../../../../../../../etc");
        var image = await (await TestImages.OnBusyboxAsync()).Layer(layer).With("Volumes", new JsonObject { ["/vol/secrets"] = new JsonObject() })
            .PushAsync(await Registry.SharedAsync(), "mounts/volume");
        await Daemon.PullAsync(image.Reference);
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("sleep 1000", c => c.Image.Image = image.Reference);
        Assert.Equal("", await container.ExecAsync("cat /vol/shadow /etc/shadow 2>/dev/null; cat /vol/machine-id 2>/dev/null; true"));
        Assert.False(Directory.Exists("/etc/secrets"), "the host was written");
    }

    [Fact]
    public async Task TheSameSourceTwiceAndANestedTargetWork()
    {
        var source = HostDirectory("twice");
        Directory.CreateDirectory(Path.Combine(source, "sub"));
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/a" });
            c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/a/sub", Readonly = true });
        });
        await container.ExecAsync("touch /a/x && [ -e /a/sub/x ]");
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/a/sub/y")).ExitCode);
    }

    private string HostDirectory(string name) => Directory.CreateDirectory(Path.Combine(World.Shared, name)).FullName;

    private async Task<string> PushAsync(string name, LayerBuilder layer)
    {
        var image = await (await TestImages.OnBusyboxAsync()).Layer(layer).PushAsync(await Registry.SharedAsync(), $"mounts/{name}");
        await Daemon.PullAsync(image.Reference);
        return image.Reference;
    }
}
