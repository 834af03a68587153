using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>
/// What the built specs mean to a real runc and kernel. Needs root, runc and busybox-static, as the project's own machines have.
/// </summary>
public sealed class RuncTests : IDisposable
{
    private readonly RuncBox _box = new();

    public RuncTests() => Assert.True(RuncBox.Missing is null, $"these tests need {RuncBox.Missing}");

    public void Dispose() => _box.Dispose();

    [Fact]
    public void User_and_groups_are_those_of_the_image()
    {
        Assert.Equal("1000 1000 1000 44 50 2000", _box.Run("echo $(id -u) $(id -g) $(id -G)", c =>
        {
            c.Linux.SecurityContext.RunAsUsername = "app";
            c.Linux.SecurityContext.SupplementalGroups.Add(2000);
        }).Text);
        Assert.Equal("0 0", _box.Run("echo $(id -u) $(id -g)").Text);
    }

    [Fact]
    public void Default_capabilities_and_none_of_them()
    {
        // The 14 default ones as a bit set; without SYS_ADMIN (bit 21).
        Assert.Contains("CapBnd:\t00000000a80425fb", _box.Run("cat /proc/self/status").Text);
        var none = _box.Run("cat /proc/self/status", c => c.Linux.SecurityContext.Capabilities = new Capability { DropCapabilities = { "ALL" } }).Text;
        Assert.Contains("CapEff:\t0000000000000000", none);
        Assert.Contains("CapBnd:\t0000000000000000", none);
    }

    [Fact]
    public void An_ambient_capability_reaches_a_user_without_root()
    {
        var status = _box.Run("cat /proc/self/status", c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.Capabilities = new Capability { AddAmbientCapabilities = { "NET_BIND_SERVICE" } };
        }).Text;
        Assert.Contains("CapAmb:\t0000000000000400", status);
        Assert.Contains("CapEff:\t0000000000000400", status);
    }

    [Fact]
    public void Runtime_default_seccomp_filters()
    {
        var profile = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault };
        var filtered = _box.Run("grep Seccomp: /proc/self/status; unshare -m true", c => c.Linux.SecurityContext.Seccomp = profile);
        Assert.Contains("Seccomp:\t2", filtered.Output);
        Assert.Contains("Operation not permitted", filtered.Error);
        var admin = _box.Run("unshare -m echo made", c =>
        {
            c.Linux.SecurityContext.Seccomp = profile;
            c.Linux.SecurityContext.Capabilities = new Capability { AddCapabilities = { "SYS_ADMIN" } };
        });
        Assert.Equal("made", admin.Text);
        Assert.Contains("Seccomp:\t0", _box.Run("grep Seccomp: /proc/self/status").Text);
    }

    [Fact]
    public void No_new_privs_is_set()
    {
        Assert.Equal("NoNewPrivs:\t1", _box.Run("grep NoNewPrivs /proc/self/status", c => c.Linux.SecurityContext.NoNewPrivs = true).Text);
    }

    [Fact]
    public void A_read_only_root_refuses_writes_and_shared_memory_takes_them()
    {
        var result = _box.Run("touch /dev/shm/x && echo shm; touch /x", c => c.Linux.SecurityContext.ReadonlyRootfs = true);
        Assert.Equal("shm\n", result.Output);
        Assert.Contains("Read-only file system", result.Error);
    }

    [Fact]
    public void Masked_paths_are_empty_and_read_only_paths_refuse()
    {
        var result = _box.Run("cat /proc/keys; ls /sys/firmware; echo 1 > /proc/sys/vm/swappiness", c =>
        {
            c.Linux.SecurityContext.MaskedPaths.Add(["/proc/keys", "/sys/firmware"]);
            c.Linux.SecurityContext.ReadonlyPaths.Add("/proc/sys");
        });
        Assert.Equal("", result.Output);
        Assert.Contains("Read-only file system", result.Error);
    }

    [Fact]
    public void Binds_are_read_only_where_asked_and_missing_sources_are_made()
    {
        var data = _box.HostDirectory("data");
        File.WriteAllText(Path.Combine(data, "file"), "content");
        var missing = Path.Combine(data, "made", "here");
        var result = _box.Run("cat /data/file; touch /data/new; touch /made/there", c => c.Mounts.Add(
        [
            new Mount { ContainerPath = "/data", HostPath = data, Readonly = true, RecursiveReadOnly = true },
            new Mount { ContainerPath = "/made", HostPath = missing },
        ]));
        Assert.Equal("content", result.Output);
        Assert.Contains("Read-only file system", result.Error);
        Assert.True(File.Exists(Path.Combine(missing, "there")));
    }

    [Fact]
    public void An_image_volume_starts_with_what_the_image_has_there()
    {
        _box.Rootfs.Write("/var/db/seed/file", "seed");
        var image = new ImageConfig { Env = ["PATH=/bin"], Volumes = new Dictionary<string, EmptyObject> { ["/var/db"] = new() } };
        Assert.Equal("seed", _box.Run("cat /var/db/seed/file; touch /var/db/mine", null, image).Text);
        Assert.False(File.Exists(_box.Rootfs.Path + "/var/db/mine"));
    }

    [Fact]
    public void Environment_and_a_missing_working_directory()
    {
        var text = _box.Run("pwd; echo $HOSTNAME $GREETING", c =>
        {
            c.WorkingDir = "/made/up";
            c.Envs.Add(new KeyValue { Key = "GREETING", Value = Google.Protobuf.ByteString.CopyFromUtf8("grüß Gott") });
        }).Text;
        Assert.Equal("/made/up\nbox grüß Gott", text);
    }

    [Fact]
    public void Limits_and_devices_reach_the_cgroups()
    {
        var text = _box.Run("test -c /dev/myfull && cat /proc/self/oom_score_adj", c =>
        {
            c.Linux.Resources = new LinuxContainerResources { MemoryLimitInBytes = 64 << 20, CpuShares = 256, CpuQuota = 50_000, CpuPeriod = 100_000, OomScoreAdj = 500 };
            c.Devices.Add(new Device { HostPath = "/dev/full", ContainerPath = "/dev/myfull", Permissions = "rw" });
        }).Text;
        Assert.Equal("500", text);
    }

    [Fact]
    public void Privileged_has_all_capabilities_of_the_node_and_a_writable_sysfs()
    {
        var text = _box.Run("grep CapEff /proc/self/status; mount | grep '^sysfs'", c => c.Linux.SecurityContext.Privileged = true).Text;
        var expected = _box.Facts.Capabilities.Aggregate(0UL, (mask, name) => mask | (1UL << ShimRuntime.Runtime.Bundles.CapabilityNames.All.IndexOf(name)));
        Assert.Contains($"CapEff:\t{expected:x16}", text);
        Assert.Contains("sysfs on /sys type sysfs (rw,", text);
    }

    [Fact]
    public void An_exec_has_the_container_s_user_environment_and_confinement()
    {
        var text = _box.Exec("id -u; pwd; echo $KEY; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status", c =>
        {
            c.WorkingDir = "/work";
            c.Envs.Add(new KeyValue { Key = "KEY", Value = Google.Protobuf.ByteString.CopyFromUtf8("value") });
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.NoNewPrivs = true;
            c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault };
        }).Text;
        Assert.Equal("1000\n/work\nvalue\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2", text);
    }
}
