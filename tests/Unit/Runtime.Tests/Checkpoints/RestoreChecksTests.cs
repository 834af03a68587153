using ShimRuntime.Oci;
using ShimRuntime.Runtime.Checkpoints;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Checkpoints;

/// <summary>What a checkpoint brings must not be more than the request allows.</summary>
public class RestoreChecksTests
{
    public static TheoryData<string, Func<RuntimeSpec, RuntimeSpec>> Wider => new()
    {
        { "capability", s => s with { Process = s.Process with { Capabilities = new CapabilitySets { Bounding = ["CAP_CHOWN", "CAP_SYS_ADMIN"] } } } },
        { "effective", s => s with { Process = s.Process with { Capabilities = s.Process.Capabilities! with { Effective = ["CAP_SYS_PTRACE"] } } } },
        { "user", s => s with { Process = s.Process with { User = new UserSpec { Uid = 0, Gid = 1000 } } } },
        { "group", s => s with { Process = s.Process with { User = s.Process.User with { AdditionalGids = [0] } } } },
        { "no_new_privs", s => s with { Process = s.Process with { NoNewPrivileges = false } } },
        { "apparmor", s => s with { Process = s.Process with { ApparmorProfile = null } } },
        { "selinux", s => s with { Process = s.Process with { SelinuxLabel = "spc_t" } } },
        { "terminal", s => s with { Process = s.Process with { Terminal = true } } },
        { "seccomp none", s => s with { Linux = s.Linux with { Seccomp = null } } },
        { "seccomp other", s => s with { Linux = s.Linux with { Seccomp = new SeccompProfile { DefaultAction = "SCMP_ACT_ALLOW" } } } },
        { "namespace", s => s with { Linux = s.Linux with { Namespaces = [new NamespaceSpec { Type = "mount" }] } } },
        { "masked", s => s with { Linux = s.Linux with { MaskedPaths = [] } } },
        { "readonly", s => s with { Linux = s.Linux with { ReadonlyPaths = null } } },
        { "device", s => s with { Linux = s.Linux with { Devices = [new DeviceSpec { Path = "/dev/sda", Type = "b", Major = 8 }] } } },
        { "root", s => s with { Root = s.Root with { Readonly = false } } },
        { "mount more", s => s with { Mounts = [.. s.Mounts!, Bind("/host", "ro")] } },
        { "mount less", s => s with { Mounts = [] } },
        { "mount written", s => s with { Mounts = [Bind("/data", "rw")] } },
        { "mount type", s => s with { Mounts = [Bind("/data", "ro") with { Type = "tmpfs" }] } },
    };

    [Theory]
    [MemberData(nameof(Wider))]
    public void More_than_the_request_allows_is_said(string what, Func<RuntimeSpec, RuntimeSpec> change)
    {
        var difference = RestoreChecks.Difference(change(Asked()), Asked());
        Assert.True(difference is { Length: > 10 }, what);
    }

    [Fact]
    public void The_same_fits() => Assert.Null(RestoreChecks.Difference(Asked(), Asked()));

    [Fact]
    public void Less_than_the_request_allows_fits()
    {
        var then = Asked() with { Process = Asked().Process with { Capabilities = new CapabilitySets() } };
        var now = Asked() with { Linux = Asked().Linux with { Seccomp = null, MaskedPaths = [] }, Process = Asked().Process with { NoNewPrivileges = false } };
        Assert.Null(RestoreChecks.Difference(then, now));
    }

    [Fact]
    public void Where_a_mount_comes_from_is_the_requests_alone() =>
        Assert.Null(RestoreChecks.Difference(Asked() with { Mounts = [Bind("/data", "ro") with { Source = "/etc" }] }, Asked()));

    private static MountSpec Bind(string destination, string option) =>
        new() { Destination = destination, Type = "bind", Source = "/srv", Options = ["rbind", option] };

    private static RuntimeSpec Asked() => new()
    {
        OciVersion = "1.0.2",
        Root = new RootSpec { Path = "/r", Readonly = true },
        Mounts = [Bind("/data", "ro")],
        Process = new ProcessSpec
        {
            User = new UserSpec { Uid = 1000, Gid = 1000 },
            Args = ["sh"],
            Env = [],
            Cwd = "/",
            Capabilities = new CapabilitySets { Bounding = ["CAP_CHOWN"], Effective = ["CAP_CHOWN"] },
            NoNewPrivileges = true,
            ApparmorProfile = "profile",
        },
        Linux = new LinuxSpec
        {
            Namespaces = [new NamespaceSpec { Type = "mount" }, new NamespaceSpec { Type = "pid" }],
            CgroupsPath = "/x",
            Seccomp = new SeccompProfile { DefaultAction = "SCMP_ACT_ERRNO" },
            MaskedPaths = ["/proc/kcore"],
            ReadonlyPaths = ["/proc/sys"],
        },
    };
}
