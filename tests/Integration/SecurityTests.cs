using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Capabilities, no_new_privs, privileged, devices, seccomp, masked and read-only paths.</summary>
public sealed class SecurityTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const int CapChown = 0;
    private const int CapNetAdmin = 12;
    private const int CapSysAdmin = 21;
    private const int CapNetRaw = 13;

    [Fact]
    public async Task TheDefaultCapabilitiesAreTheFieldsFourteenAndNothingInheritable()
    {
        var pid = await (await RunAsync("sleep 1000")).PidAsync();
        // chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write setfcap
        Assert.Equal("00000000a80425fb", Processes.Status(pid, "CapEff"));
        Assert.Equal("00000000a80425fb", Processes.Status(pid, "CapBnd"));
        Assert.Equal("0000000000000000", Processes.Status(pid, "CapInh"));
        Assert.Equal("0000000000000000", Processes.Status(pid, "CapAmb"));
    }

    [Fact]
    public async Task CapabilitiesAreAddedAndDroppedInAnySpelling()
    {
        var pod = await RunPodAsync();
        var changed = await pod.RunAsync("sleep 1000", c =>
            c.Linux.SecurityContext.Capabilities = new Capability { AddCapabilities = { "net_admin", "CAP_SYS_ADMIN" }, DropCapabilities = { "CHOWN" } });
        var effective = await CapabilitiesAsync(changed, "CapEff");
        Assert.True(Has(effective, CapNetAdmin) && Has(effective, CapSysAdmin) && !Has(effective, CapChown) && Has(effective, CapNetRaw), $"{effective:x}");
        var none = await pod.RunAsync("sleep 1000", c => c.Linux.SecurityContext.Capabilities = new Capability { DropCapabilities = { "ALL" } });
        Assert.Equal(0UL, await CapabilitiesAsync(none, "CapBnd"));
        var one = await pod.RunAsync("sleep 1000", c =>
            c.Linux.SecurityContext.Capabilities = new Capability { AddCapabilities = { "NET_RAW" }, DropCapabilities = { "ALL" } });
        Assert.Equal(1UL << CapNetRaw, await CapabilitiesAsync(one, "CapEff"));
    }

    [Fact]
    public async Task AmbientCapabilitiesReachAnOrdinaryUser()
    {
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.Capabilities = new Capability { AddAmbientCapabilities = { "NET_RAW" } };
        });
        Assert.Equal(1UL << CapNetRaw, await CapabilitiesAsync(container, "CapAmb"));
        Assert.True(Has(await CapabilitiesAsync(container, "CapEff"), CapNetRaw));
    }

    [Theory]
    [InlineData(true, "1")]
    [InlineData(false, "0")]
    public async Task NoNewPrivilegesIsAsAsked(bool asked, string expected)
    {
        var container = await RunAsync("sleep 1000", c => c.Linux.SecurityContext.NoNewPrivs = asked);
        Assert.Equal(expected, Processes.Status(await container.PidAsync(), "NoNewPrivs"));
        Assert.Equal(expected, Processes.Field(await container.ExecAsync("cat /proc/self/status"), "NoNewPrivs"));
    }

    [Fact]
    public async Task RuntimeDefaultSeccompBlocksWhatUnconfinedAllows()
    {
        var pod = await RunPodAsync();
        var confined = await pod.RunAsync("sleep 1000", c => c.Linux.SecurityContext.Seccomp = Profile(SecurityProfile.Types.ProfileType.RuntimeDefault));
        var unconfined = await pod.RunAsync("sleep 1000", c => c.Linux.SecurityContext.Seccomp = Profile(SecurityProfile.Types.ProfileType.Unconfined));
        Assert.Equal("2", Processes.Status(await confined.PidAsync(), "Seccomp"));
        Assert.Equal("0", Processes.Status(await unconfined.PidAsync(), "Seccomp"));
        // unshare(CLONE_NEWUSER) needs no capability: only the profile stands in its way.
        Assert.NotEqual(0, (await confined.ExecSyncAsync(10, "unshare", "-U", "true")).ExitCode);
        Assert.Equal(0, (await unconfined.ExecSyncAsync(10, "unshare", "-U", "true")).ExitCode);
    }

    [Fact]
    public async Task ALocalhostSeccompProfileIsLoaded()
    {
        var profile = Path.Combine(World.Shared, "profile.json");
        await File.WriteAllTextAsync(profile, """
            {"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],
             "syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}
            """);
        var container = await RunAsync("sleep 1000", c =>
            c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Localhost, LocalhostRef = profile });
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "mkdir", "/tmp/x")).ExitCode);
        Assert.Equal("", await container.ExecAsync("touch /tmp/y"));
    }

    [Fact]
    public async Task ABrokenSeccompProfileIsRefusedInCreate()
    {
        var profile = Path.Combine(World.Shared, "broken.json");
        await File.WriteAllTextAsync(profile, "{\"defaultAction\":");
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => pod.CreateAsync("true", c =>
            c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Localhost, LocalhostRef = profile }), "broken.json");
    }

    [Fact]
    public async Task MaskedAndReadOnlyPathsAre()
    {
        var container = await RunAsync("sleep 1000", c =>
        {
            c.Linux.SecurityContext.MaskedPaths.Add(["/proc/kcore", "/proc/timer_list", "/etc/group"]);
            c.Linux.SecurityContext.ReadonlyPaths.Add(["/proc/sys", "/etc/passwd"]);
        });
        Assert.Equal("0", await container.ExecAsync("cat /etc/group /proc/timer_list /proc/kcore | wc -c"));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "sh", "-c", "echo x >> /etc/passwd")).ExitCode);
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "sh", "-c", "echo x > /proc/sys/net/ipv4/ip_default_ttl")).ExitCode);
        Assert.Equal("", await container.ExecAsync("echo 1 > /proc/self/oom_score_adj"));
    }

    [Fact]
    public async Task APrivilegedContainerSeesDevicesAndHasNoProfile()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.Privileged = true);
        var container = await pod.RunAsync("sleep 1000", c => c.Linux.SecurityContext.Privileged = true);
        var pid = await container.PidAsync();
        Assert.Equal("0", Processes.Status(pid, "Seccomp"));
        Assert.Equal(Processes.Status(Environment.ProcessId, "CapEff"), Processes.Status(pid, "CapEff"));
        Assert.Equal("", await container.ExecAsync("test -e /dev/kmsg && mount -t tmpfs x /mnt && echo 65 > /proc/sys/net/ipv4/ip_default_ttl"));
        Assert.Contains(" rw", await container.ExecAsync("grep ' /sys ' /proc/mounts"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task APrivilegedContainerInAnOrdinaryPodIsRefused()
    {
        var pod = await RunPodAsync();
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => pod.CreateAsync("true", c => c.Linux.SecurityContext.Privileged = true), "privileged");
    }

    [Fact]
    public async Task AnOrdinaryContainerCannotMakeDevicesWork()
    {
        var container = await RunAsync("sleep 1000");
        // mknod itself is allowed (CAP_MKNOD), opening the machine's disk or memory is not.
        Assert.Equal("refused", await container.ExecAsync("mknod /tmp/mem c 1 1 && (head -c 1 /tmp/mem >/dev/null 2>&1 && echo opened || echo refused)"));
        Assert.Equal("full null random tty urandom zero", await container.ExecAsync(
            "cd /dev; for f in *; do [ -c $f ] && [ ! -L $f ] && echo $f; done | grep -v console | sort | xargs"));
    }

    [Fact]
    public async Task ADeviceIsThereWithItsPermissions()
    {
        var container = await RunAsync("sleep 1000", c =>
        {
            // A number that no container has by default: only the permissions given here hold.
            c.Devices.Add(new Device { HostPath = "/dev/loop-control", ContainerPath = "/dev/loop-ro", Permissions = "r" });
            c.Devices.Add(new Device { HostPath = "/dev/null", ContainerPath = "/dev/nothing", Permissions = "rwm" });
        });
        Assert.Equal("", await container.ExecAsync("exec 3</dev/loop-ro; echo x > /dev/nothing"));
        Assert.NotEqual(0, (await container.ExecSyncAsync(10, "sh", "-c", "exec 3>/dev/loop-ro")).ExitCode);
    }

    [Fact]
    public async Task ADirectoryOfDevicesIsTakenWhole()
    {
        var directory = Directory.CreateDirectory(Path.Combine(World.Shared, "devices")).FullName;
        await Command.ShellAsync($"mknod {directory}/one c 1 3 && mknod {directory}/two c 1 5 && touch {directory}/not-a-device");
        var container = await RunAsync("sleep 1000", c => c.Devices.Add(new Device { HostPath = directory, ContainerPath = "/dev/mine", Permissions = "rw" }));
        Assert.Equal("one two", await container.ExecAsync("ls /dev/mine | xargs"));
    }

    [Fact]
    public async Task TheOomScoreIsAsAskedOrClampedToOurs()
    {
        var pod = await RunPodAsync();
        var up = await pod.RunAsync("sleep 1000", c => c.Linux.Resources.OomScoreAdj = 500);
        Assert.Equal("500", Processes.Read(await up.PidAsync(), "oom_score_adj").Trim());
        var down = await pod.RunAsync("sleep 1000", c => c.Linux.Resources.OomScoreAdj = -997);
        var got = int.Parse(Processes.Read(await down.PidAsync(), "oom_score_adj"), CultureInfo.InvariantCulture);
        Assert.InRange(got, -997, 0);
    }

    private static SecurityProfile Profile(SecurityProfile.Types.ProfileType type) => new() { ProfileType = type };

    private static bool Has(ulong set, int capability) => (set >> capability & 1) == 1;

    private static async Task<ulong> CapabilitiesAsync(Container container, string set) =>
        ulong.Parse(Processes.Status(await container.PidAsync(), set), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
