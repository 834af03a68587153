using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Pods with a user namespace: root inside is nobody outside, and everything else is as in any pod.</summary>
public sealed partial class UserNamespaceTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const uint Users = 200_000;
    private const uint Groups = 300_000;
    private const uint Count = 65_536;

    [Fact]
    public async Task RootInsideIsNotRootOutside()
    {
        var container = await (await RunUsersPodAsync()).RunAsync("sleep 1000");
        var pid = await container.PidAsync();
        Assert.Equal("0 200000 65536", Squeeze(Processes.Read(pid, "uid_map")));
        Assert.Equal("0 300000 65536", Squeeze(Processes.Read(pid, "gid_map")));
        Assert.Equal(("200000", "300000"), (Processes.Status(pid, "Uid").Split('\t')[0], Processes.Status(pid, "Gid").Split('\t')[0]));
        Assert.Equal("0 0 0 200000 65536", Squeeze(await container.ExecAsync("id -u; id -g; cat /proc/self/uid_map")));
        foreach (var name in new[] { "net", "ipc", "uts", "pid", "mnt", "user" })
            Assert.NotEqual(Processes.Link(Environment.ProcessId, $"ns/{name}"), Processes.Link(pid, $"ns/{name}"));
    }

    [Fact]
    public async Task TheImagesFilesHaveTheirOwnersAndWhatIsWrittenBelongsToTheMappedIds()
    {
        var pod = await RunUsersPodAsync();
        var container = await pod.RunAsync("sleep 1000");
        Assert.Equal("0:0 0:0 0:0 1000:1000 0:0", Squeeze(await container.ExecAsync("stat -c %u:%g / /bin/busybox /etc/passwd /home/alice /tmp")));
        await container.ExecAsync("echo new > /new; echo more >> /etc/passwd; mkdir /dir; chown 1000:50000 /dir; rm /www/index.html; mv /home /moved");
        var root = $"/proc/{await container.PidAsync()}/root";
        Assert.Equal(
            "200000:300000 200000:300000 201000:350000 201000:301000",
            Squeeze(await Command.ShellAsync($"cd {root} && stat -c %u:%g new etc/passwd dir moved/alice")));
        Assert.Equal("1000:50000 1000:1000", Squeeze(await container.ExecAsync("stat -c %u:%g /dir /moved/alice")));
        // The layers are as they were: another pod, with the host's users, sees them.
        Assert.Equal("0:0 it works", Squeeze(await OutputAsync("stat -c %u:%g /etc/passwd; cat /www/index.html; ! grep '^more$' /etc/passwd")));
    }

    [Fact]
    public async Task AMappedVolumeHasTheHostsOwnersAndAnotherIsNobodys()
    {
        var source = HostDirectory("volume");
        await File.WriteAllTextAsync(Path.Combine(source, "secret"), "of root");
        await Command.ShellAsync($"chmod 600 {source}/secret; chmod 777 {source}; touch {source}/alices; chown 1000:1000 {source}/alices");
        var container = await (await RunUsersPodAsync()).RunAsync("sleep 1000", c =>
        {
            c.Mounts.Add(Mapped(source, "/mapped"));
            c.Mounts.Add(Mapped(Path.Combine(source, "secret"), "/etc/secret"));
            c.Mounts.Add(new Mount { HostPath = source, ContainerPath = "/plain" });
            var readOnly = Mapped(source, "/readonly");
            readOnly.Readonly = true;
            c.Mounts.Add(readOnly);
        });
        Assert.Equal("0:0 1000:1000 of root of root", Squeeze(await container.ExecAsync("cd /mapped; stat -c %u:%g secret alices; cat secret; echo; cat /etc/secret")));
        Assert.Equal("65534:65534", await container.ExecAsync("stat -c %u:%g /plain/secret"));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "cat", "/plain/secret")).ExitCode);
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/readonly/x")).ExitCode);
        await container.ExecAsync("echo x > /mapped/by-root; touch /mapped/by-alice; chown 1000:50000 /mapped/by-alice; touch /plain/unmapped");
        Assert.Equal(
            "0:0 1000:50000 200000:300000",
            Squeeze(await Command.ShellAsync($"cd {source} && stat -c %u:%g by-root by-alice unmapped")));
    }

    [Fact]
    public async Task ATmpfsIsMappedOrRefusedByNameAndWhatCannotBeIsRefused()
    {
        var (tmpfs, overlay) = (HostDirectory("tmpfs"), HostDirectory("overlay"));
        foreach (var name in new[] { "l", "u", "w" }) HostDirectory($"parts/{name}");
        await Command.ShellAsync($"mount -t tmpfs -o nosuid,nodev,noexec srt-users {tmpfs} && echo token > {tmpfs}/token && chmod 600 {tmpfs}/token");
        await Command.ShellAsync($"cd {World.Shared}/parts && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w srt-users {overlay}");
        try
        {
            var pod = await RunUsersPodAsync();
            var container = await pod.RunAsync("sleep 1000", c =>
            {
                var mount = Mapped(tmpfs, "/token");
                mount.Readonly = true;
                c.Mounts.Add(mount);
            });
            Assert.Equal("token", await container.ExecAsync("cat /token/token"));
            Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/token/x")).ExitCode);
            await Faults.ExpectAsync(
                StatusCode.FailedPrecondition, () => pod.CreateAsync("true", c => c.Mounts.Add(Mapped(overlay, "/o"))), "mounts[0].uidMappings", overlay, "overlay");
        }
        finally
        {
            await Command.RunAsync("/bin/sh", ["-c", $"umount {tmpfs}; umount {overlay}"]);
        }
    }

    [Fact]
    public async Task AVolumeIsFreeOnceItsContainerHasEndedAndTheHostsMountsAreItsOwn()
    {
        var source = HostDirectory("device");
        await Command.ShellAsync($"mount -t tmpfs srt-device {source} && mount --make-shared {source} && mkdir {source}/below && mount -t tmpfs srt-below {source}/below");
        try
        {
            var container = await (await RunUsersPodAsync()).CreateAsync("sleep 1000", c =>
            {
                var mount = Mapped(source, "/device");
                mount.Propagation = MountPropagation.PropagationHostToContainer;
                c.Mounts.Add(mount);
            });
            Assert.Contains(LeakCheck.MountsOf(World), m => m.Contains("/volumes/", StringComparison.Ordinal));
            await container.StartAsync();
            Assert.DoesNotContain(LeakCheck.MountsOf(World), m => m.Contains("/volumes/", StringComparison.Ordinal));
            Assert.Contains(LeakCheck.MountsOf(World), m => m == source + "/below");
            await Command.ShellAsync($"mkdir {source}/late && mount -t tmpfs srt-late {source}/late && touch {source}/late/seen");
            await container.ExecAsync("test -e /device/late/seen && stat -c %u /device/below");
            await container.StopAsync(0);
            // Not lazily: nobody may hold it, although the container has not been removed.
            await Command.ShellAsync($"umount {source}/late && umount {source}/below && umount {source}");
        }
        finally
        {
            await Command.RunAsync("/bin/sh", ["-c", $"umount {source}/late; umount {source}/below; umount {source}; true"]);
        }
    }

    [Fact]
    public async Task WhatAPodGivesItsContainersBelongsToRootInside()
    {
        var pod = await RunUsersPodAsync(p => p.DnsConfig = new DNSConfig { Servers = { "10.96.0.10" } });
        var a = await pod.RunAsync("sleep 1000", c => c.WorkingDir = "/made/here");
        var b = await pod.RunAsync("sleep 1000", c => c.Devices.Add(new Device { HostPath = "/dev/null", ContainerPath = "/dev/mine", Permissions = "rwm" }));
        Assert.Equal("0:644 0:644 0:644 0:1777", Squeeze(await a.ExecAsync("stat -c %u:%a /etc/resolv.conf /etc/hosts /etc/hostname /dev/shm")));
        Assert.Contains("10.96.0.10", await a.ExecAsync("cat /etc/resolv.conf"), StringComparison.Ordinal);
        await a.ExecAsync("echo note > /dev/shm/note; echo 1.2.3.4 extra >> /etc/hosts");
        Assert.Equal("note", await b.ExecAsync("cat /dev/shm/note"));
        Assert.Equal("/made/here 0", Squeeze(await a.ExecAsync("pwd; stat -c %u .")));
        Assert.Equal("proc sysfs mqueue", Squeeze(await a.ExecAsync("for d in /proc /sys /dev/mqueue; do grep \" $d \" /proc/mounts | cut -d' ' -f3; done")));
        Assert.Equal("eth0 lo", Squeeze(await a.ExecAsync("ls /sys/class/net")));
        await b.ExecAsync("echo x > /dev/mine; echo x > /dev/null; head -c1 /dev/urandom > /x; head -c1 /dev/zero > /x");
        Assert.Equal("1 3", await b.ExecAsync("stat -c '%t %T' /dev/mine"));
        Assert.Equal("pod", await a.ExecAsync("hostname"));
        Assert.Equal(await pod.IpAsync(), await a.ExecAsync("ip -4 -o addr show eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'"));
    }

    [Fact]
    public async Task StreamsCanBeOpenedAnewByRootAndByOthers()
    {
        // As every image does that links its log file to /dev/stdout: the pipe has to belong to somebody inside.
        var pod = await RunUsersPodAsync();
        const string Script = "echo out > /dev/stdout; echo err > /dev/stderr; id -u; sleep 1000";
        foreach (var user in new[] { 0L, 1000L })
        {
            var container = await pod.RunAsync(Script, c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = user });
            await container.LoggedAsync($"{user}");
            Assert.Equal([$"{user}", "err", "out"], container.Log().Lines().Order(StringComparer.Ordinal));
            Assert.Equal($"out\n{user}", await container.ExecAsync("echo out > /dev/stdout; echo err > /dev/stderr; id -u"));
            await using var exec = await RemoteCommand.ExecAsync(container, new(Stdin: true), "sh", "-c", "cat > /dev/stdout; echo err > /dev/stderr");
            await exec.Stdin!.WriteAsync("there\n");
            await exec.Stdin.CloseAsync();
            Assert.Equal(0, await exec.ExitCodeAsync());
            Assert.Equal(("there\n", "err\n"), (exec.Stdout.Text(), await exec.Stderr!.ReadToEndAsync()));
        }
    }

    [Fact]
    public async Task TerminalsAndStdinWork()
    {
        var pod = await RunUsersPodAsync();
        var terminal = await pod.RunAsync("tty; stat -c %u $(tty); echo again > /dev/tty; sleep 1000", c => (c.Tty, c.Stdin) = (true, true));
        await terminal.LoggedAsync("again\r");
        Assert.Equal(["/dev/pts/0\r", "0\r", "again\r"], terminal.Log().Lines());
        await using var exec = await RemoteCommand.ExecAsync(terminal, new(Stdin: true, Tty: true) { Size = (91, 27) }, "sh", "-c", "stty size; exit 3");
        Assert.Equal(3, await exec.ExitCodeAsync());
        Assert.Contains("27 91", exec.Stdout.Text(), StringComparison.Ordinal);
        var reader = await pod.RunAsync("read line; echo got $line; cat < /dev/stdin", c => (c.Stdin, c.StdinOnce) = (true, true));
        await using var attach = await RemoteCommand.AttachAsync(reader, new(Stdin: true));
        await attach.Stdin!.WriteAsync("hello\nrest\n");
        await attach.Stdin.CloseAsync();
        await reader.ExitedAsync();
        Assert.Equal(["got hello", "rest"], reader.Log().Lines());
    }

    [Fact]
    public async Task AReadOnlyRootAndAnImageVolumeOfAnotherUser()
    {
        var layer = new LayerBuilder().Directory("data", "700", 1000, 1000).File("data/file", "kept", "600", 1000, 1000);
        var image = await (await TestImages.OnBusyboxAsync()).Layer(layer).With("Volumes", new JsonObject { ["/data"] = new JsonObject() })
            .PushAsync(await Registry.SharedAsync(), "users/volume");
        await Daemon.PullAsync(image.Reference);
        var container = await (await RunUsersPodAsync()).RunAsync("sleep 1000", c =>
        {
            c.Image.Image = image.Reference;
            c.Linux.SecurityContext.ReadonlyRootfs = true;
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
        });
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/home/alice/x")).ExitCode);
        Assert.Equal("1000:1000:700 1000:1000:600 kept", Squeeze(await container.ExecAsync("touch /data/x /dev/shm/x; stat -c %u:%g:%a /data /data/file; cat /data/file")));
    }

    [Fact]
    public async Task AnImageThatIsMountedHasItsOwners()
    {
        var layer = new LayerBuilder().Directory("part", "700", 1000, 1000).File("part/file", "kept", "600", 1000, 1000);
        var image = await new ImageBuilder().Layer(layer).With("Cmd", new JsonArray("none")).PushAsync(await Registry.SharedAsync(), "users/mounted");
        var id = await Daemon.PullAsync(image.Reference);
        var container = await (await RunUsersPodAsync()).RunAsync("sleep 1000", c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Mounts.Add(new Mount { ContainerPath = "/whole", Image = new ImageSpec { Image = id } });
            c.Mounts.Add(new Mount
            {
                ContainerPath = "/part", Image = new ImageSpec { Image = id }, ImageSubPath = "part", UidMappings = { Own().Uids }, GidMappings = { Own().Gids },
            });
        });
        Assert.Equal("1000:1000 0:0 kept kept", Squeeze(await container.ExecAsync("stat -c %u:%g /part/file /whole; cat /part/file; echo; cat /whole/part/file")));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "touch", "/part/x")).ExitCode);
        Assert.DoesNotContain(LeakCheck.MountsOf(World), m => m.Contains("/layers/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PortsAreForwardedIntoIt()
    {
        var container = await (await RunUsersPodAsync()).RunAsync("nc -ll -p 7000 -e cat & sleep 1000");
        await Eventually.True(async () => (await container.ExecAsync("cat /proc/net/tcp* | grep -c ':1B58 .* 0A ' || true")) != "0", "the server listens");
        var url = (await Runtime.PortForwardAsync(new PortForwardRequest { PodSandboxId = container.Pod.Id, Port = { 7000 } })).Url;
        await using var client = await SpdyClient.ConnectAsync(url, "portforward.k8s.io");
        await (await client.OpenAsync([("streamType", "error"), ("port", "7000"), ("requestID", "0")])).CloseAsync();
        var data = await client.OpenAsync([("streamType", "data"), ("port", "7000"), ("requestID", "0")]);
        await data.WriteAsync("there and back");
        await data.CloseAsync();
        Assert.Equal("there and back", await data.ReadToEndAsync());
    }

    [Fact]
    public async Task ASharedPidNamespaceHasAnInitThatIsNobody()
    {
        var pod = await RunUsersPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Pod);
        var a = await pod.RunAsync("sleep 1000");
        var b = await pod.RunAsync("sleep 1234");
        Assert.Equal("pause 65535", Squeeze(await a.ExecAsync("cat /proc/1/comm; grep Uid /proc/1/status | cut -f2")));
        Assert.Contains("sleep 1234", await a.ExecAsync("ps -o args"), StringComparison.Ordinal);
        Assert.Equal("0 0 0", Squeeze(await a.ExecAsync("ls -A /proc/1/root/ | wc -l; ls -A /proc/1/fd | wc -l; ls -A /proc/1/cwd/ | wc -l")));
        await b.StopAsync(0);
    }

    [Fact]
    public async Task ADaemonThatDiesLeavesAllAsItIs()
    {
        var pod = await RunUsersPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Pod);
        var source = HostDirectory("restart");
        var running = await pod.RunAsync("sleep 1000", c => c.Mounts.Add(Mapped(source, "/v")));
        var created = await pod.CreateAsync("touch /v/later; stat -c %u /v/later", c => c.Mounts.Add(Mapped(source, "/v")));
        var (pid, status) = (await running.PidAsync(), await pod.StatusAsync());
        await Daemon.RestartAsync();
        Assert.Equal((pid, status), (await running.PidAsync(), await pod.StatusAsync()));
        Assert.Equal("0", await running.ExecAsync("touch /v/x; stat -c %u /v/x"));
        await created.StartAsync();
        await created.LoggedAsync("0");
        var late = await pod.RunAsync("cat /proc/self/uid_map; sleep 1000");
        Assert.Equal("0", await late.ExecAsync("id -u"));
        Assert.Equal("0", Squeeze(await Command.ShellAsync($"stat -c %u {source}/later")));
    }

    [Fact]
    public async Task TheHostsUsersAreTheHosts()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Node });
        var container = await pod.RunAsync("sleep 1000");
        Assert.Equal(Processes.Link(Environment.ProcessId, "ns/user"), Processes.Link(await container.PidAsync(), "ns/user"));
        Assert.Equal(Squeeze(Processes.Read(Environment.ProcessId, "uid_map")), Squeeze(await container.ExecAsync("cat /proc/self/uid_map")));
    }

    [Fact]
    public async Task StatusTellsThePodsMappings()
    {
        var pod = await RunUsersPodAsync();
        Assert.Equal(pod.Config.Linux.SecurityContext.NamespaceOptions, (await pod.StatusAsync()).Linux.Namespaces.Options);
    }

    public static TheoryData<string, Action<ContainerConfig>> BadContainers => new()
    {
        { "run_as_user", c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = Count } },
        { "supplemental_groups", c => c.Linux.SecurityContext.SupplementalGroups.Add(Count) },
        { "userns_options", c => c.Linux.SecurityContext.NamespaceOptions.UsernsOptions.Uids[0].HostId++ },
        { "userns_options", c => c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Node } },
        { "mounts[0].uidMappings", c => c.Mounts.Add(new Mount { HostPath = "/tmp", ContainerPath = "/x", UidMappings = { new IDMapping { Length = 1 } } }) },
        { "mounts[0].propagation", c => c.Mounts.Add(new Mount { HostPath = "/tmp", ContainerPath = "/x", Propagation = MountPropagation.PropagationBidirectional }) },
        { "namespace_options.pid", c => c.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Node },
    };

    [Theory]
    [MemberData(nameof(BadContainers))]
    public async Task WhatCannotBeInAUserNamespaceIsInvalid(string field, Action<ContainerConfig> spoil)
    {
        var pod = await RunUsersPodAsync();
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => pod.CreateAsync("true", spoil), field);
        Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
    }

    private static string Squeeze(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static UserNamespace Own() => new()
    {
        Mode = NamespaceMode.Pod,
        Uids = { new IDMapping { HostId = Users, Length = Count } },
        Gids = { new IDMapping { HostId = Groups, Length = Count } },
    };

    private static Mount Mapped(string source, string target) =>
        new() { HostPath = source, ContainerPath = target, UidMappings = { Own().Uids }, GidMappings = { Own().Gids } };

    private Task<Pod> RunUsersPodAsync(Action<PodSandboxConfig>? change = null, [CallerMemberName] string test = "") => RunPodAsync(
        p =>
        {
            p.Linux.SecurityContext.NamespaceOptions.UsernsOptions = Own();
            change?.Invoke(p);
        },
        test);

    private string HostDirectory(string name) => Directory.CreateDirectory(Path.Combine(World.Shared, name)).FullName;
}
