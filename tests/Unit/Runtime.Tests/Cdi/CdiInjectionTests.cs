using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cdi;
using ShimRuntime.Runtime.Tests.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Cdi;

/// <summary>What edits make of a config.json.</summary>
public sealed class CdiInjectionTests : IDisposable
{
    private static readonly CdiEdits None = new() { Source = "'/etc/cdi/x.json', containerEdits" };
    private readonly SpecFixture _spec = new();

    public void Dispose() => _spec.Dispose();

    [Fact]
    public void A_device_takes_from_the_host_what_its_spec_leaves_out_and_belongs_to_the_user()
    {
        _spec.Host.Nodes.Add(new HostNode("/dev/real", FileKind.BlockDevice, 8, 3, 0x1B0, 0, 6));
        _spec.Context.RunAsUser = new Int64Value { Value = 1000 };
        _spec.Context.RunAsGroup = new Int64Value { Value = 7 };
        var linux = Build(None with { DeviceNodes = [new("/dev/data", "/dev/real", null) { Permissions = "r" }] }).Linux;
        var node = linux.Devices!.Single(d => d.Path == "/dev/data");
        Assert.Equal(("b", 8L, 3L, 1000u, 7u), (node.Type, node.Major, node.Minor, node.Uid!.Value, node.Gid!.Value));
        Assert.Equal(new DeviceRule { Allow = true, Type = "b", Major = 8, Minor = 3, Access = "r" }, linux.Resources!.Devices![^1]);
    }

    [Fact]
    public void A_device_that_the_host_has_not_or_has_of_another_type_is_refused()
    {
        Refuses(None with { DeviceNodes = [new("/dev/none", "/dev/none", null)] }, "'/dev/none' from '/etc/cdi/x.json', containerEdits, which is no device");
        _spec.Host.Nodes.Add(new HostNode("/dev/real", FileKind.CharacterDevice, 1, 3, 0x1B6, 0, 0));
        Refuses(None with { DeviceNodes = [new("/dev/x", "/dev/real", "b")] }, "but here it has type c");
    }

    [Fact]
    public void A_whole_node_and_a_fifo_need_no_host()
    {
        var linux = Build(None with { DeviceNodes = [new("/dev/a", "/dev/a", "c") { Major = 5, Minor = 0 }, new("/dev/p", "/dev/p", "p")] }).Linux;
        Assert.Equal(["/dev/a", "/dev/p"], linux.Devices!.Select(d => d.Path));
        Assert.Single(linux.Resources!.Devices!, r => r.Allow);
    }

    [Fact]
    public void Later_edits_win_over_earlier_ones_and_over_the_request()
    {
        _spec.Config.Envs.Add(new KeyValue { Key = "A", Value = Google.Protobuf.ByteString.CopyFromUtf8("asked") });
        _spec.Config.Mounts.Add(new Mount { ContainerPath = "/data", HostPath = "/asked" });
        var first = None with { Env = ["A=first", "B=first"], Mounts = [Bind("/first", "/data"), Bind("/deep", "/data/below")] };
        var spec = Build(first, None with { Env = ["B=second"], Mounts = [Bind("/second", "/data")] });
        Assert.Equal(["A=first", "B=second"], spec.Process.Env.Where(v => v[0] is 'A' or 'B'));
        Assert.Equal(["/second"], spec.Mounts!.Where(m => m.Destination == "/data").Select(m => m.Source));
        var order = spec.Mounts!.Select(m => m.Destination).ToList();
        Assert.True(order.IndexOf("/data") < order.IndexOf("/data/below"), string.Join(' ', order));
        Assert.True(order.IndexOf("/dev") < order.IndexOf("/dev/pts"));
    }

    [Fact]
    public void Hooks_groups_and_classes()
    {
        var hook = new HookSpec { Path = "/usr/bin/hook" };
        var edits = None with
        {
            Hooks = [new("createContainer", hook), new("startContainer", hook), new("createContainer", hook)],
            AdditionalGids = [44, 50],
            IntelRdt = new IntelRdtSpec { ClosID = "gold" },
        };
        var spec = Build(edits);
        Assert.Equal((2, 1), (spec.Hooks!.CreateContainer!.Count, spec.Hooks.StartContainer!.Count));
        Assert.Equal([0u, 44u, 50u], spec.Process.User.AdditionalGids!);
        Assert.Equal("gold", spec.Linux.IntelRdt!.ClosID);

        _spec.Host.Paths["/usr/bin/hook"] = new HostPath("/usr/bin/hook", HostPathState.Missing);
        Refuses(edits, "the hook '/usr/bin/hook' from");
        Build(edits with { Hooks = [new("startContainer", hook)] });
        _spec.Host.Paths["/sys/fs/resctrl/schemata"] = new HostPath("/sys/fs/resctrl/schemata", HostPathState.Missing);
        Refuses(edits with { Hooks = [] }, "resctrl is not mounted");
    }

    [Fact]
    public void In_a_user_namespace_a_device_is_the_hosts_and_bound_where_its_path_differs()
    {
        GiveUsers();
        _spec.Host.Nodes.Add(new HostNode("/dev/real", FileKind.CharacterDevice, 240, 3, 0x1B6, 0, 0));
        _spec.Host.Nodes.Add(new HostNode("/dev/sda", FileKind.BlockDevice, 8, 0, 0x1B0, 0, 6));
        _spec.Config.Devices.Add(new Device { HostPath = "/dev/sda", ContainerPath = "/dev/sda", Permissions = "r" });
        var spec = Build(None with { DeviceNodes = [new("/dev/sda", "/dev/real", null), new("/dev/real", "/dev/real", "c") { Major = 240, Minor = 3 }] });
        Assert.Equal(["/dev/real"], spec.Linux.Devices!.Select(d => d.Path));
        Assert.Equal("/dev/real", spec.Mounts!.Single(m => m.Destination == "/dev/sda").Source);
        Assert.Contains(spec.Linux.Resources!.Devices!, r => r is { Allow: true, Major: 240, Minor: 3, Access: "rwm" });
        Refuses(None with { DeviceNodes = [new("/dev/real", "/dev/real", "c") { Major = 1, Minor = 1 }] }, "in a pod with a user namespace none can be made");
        Refuses(None with { DeviceNodes = [new("/dev/real", "/dev/real", "p")] }, "no device that this node has at '/dev/real'");
        Refuses(None with { DeviceNodes = [new("/dev/null", "/dev/real", null)] }, "'/dev/null' is the runtime's own");
    }

    [Fact]
    public void In_a_user_namespace_groups_are_mapped_and_binds_keep_their_flags()
    {
        GiveUsers();
        _spec.Host.Mounts.Add(_spec.Host.Mounts[0] with { Target = "/lib", Options = "ro,nodev,relatime" });
        var spec = Build(None with { Mounts = [Bind("/lib/driver", "/x") with { Options = ["rbind", "nosuid"] }], AdditionalGids = [65_535] });
        Assert.Equal(["rbind", "nosuid", "nodev", "ro"], spec.Mounts!.Single(m => m.Destination == "/x").Options);
        Refuses(None with { AdditionalGids = [65_536] }, "the group 65536 from '/etc/cdi/x.json', containerEdits, which the pod's user namespace does not map");
    }

    [Fact]
    public void A_mount_of_what_the_host_has_not_is_refused()
    {
        _spec.Host.Paths["/none"] = new HostPath("/none", HostPathState.Missing);
        Refuses(None with { Mounts = [Bind("/none", "/x")] }, "'/none' from '/etc/cdi/x.json', containerEdits, which does not exist");
        Build(None with { Mounts = [Bind("/none", "/x") with { Type = "tmpfs", Options = [] }] });
    }

    private static MountSpec Bind(string source, string target) => new() { Destination = target, Type = "bind", Source = source, Options = ["bind", "ro"] };

    private void GiveUsers()
    {
        var ids = new IDMapping { HostId = 100_000, Length = 65_536 };
        _spec.Pod.Linux.SecurityContext.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Pod, Uids = { ids }, Gids = { ids } };
    }

    private RuntimeSpec Build(params CdiEdits[] edits)
    {
        _spec.Cdi = edits;
        return _spec.Build().Spec;
    }

    private void Refuses(CdiEdits edits, string sentence)
    {
        _spec.Cdi = [edits];
        _spec.Refuses(sentence, FaultCode.FailedPrecondition);
    }
}
