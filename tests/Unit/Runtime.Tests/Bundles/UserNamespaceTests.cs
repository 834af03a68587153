using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using Xunit;
using Propagation = ShimRuntime.Cri.V1.MountPropagation;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>Containers of a pod with a user namespace: what is joined and mapped, and what is refused with the field's name.</summary>
public sealed class UserNamespaceTests : IDisposable
{
    private readonly SpecFixture _spec = new();

    public UserNamespaceTests() => Give(65_536);

    private NamespaceOption PodModes => _spec.Pod.Linux.SecurityContext.NamespaceOptions;

    public void Dispose() => _spec.Dispose();

    [Fact]
    public void The_pods_namespace_is_joined_and_its_mappings_are_said()
    {
        var spec = _spec.Build().Spec.Linux;
        Assert.EndsWith("/ns/user", Assert.Single(spec.Namespaces, n => n.Type == "user").Path, StringComparison.Ordinal);
        var ids = Assert.Single(spec.UidMappings!);
        Assert.Equal((0u, 100_000u, 65_536u), (ids.ContainerID, ids.HostID, ids.Size));
        Assert.Equal(200_000u, Assert.Single(spec.GidMappings!).HostID);
    }

    [Fact]
    public void A_volume_with_the_pods_mappings_is_bound_from_a_copy_and_others_as_they_are()
    {
        Volume("/a");
        _spec.Config.Mounts.Add(new Mount { ContainerPath = "/b", HostPath = "/mnt/b" });
        var follower = Volume("/c");
        follower.Propagation = Propagation.PropagationHostToContainer;
        _spec.Host.Mounts.Add(_spec.Host.Mounts[0] with { Target = "/mnt", SharedGroup = 7 });
        var bundle = _spec.Build();
        Assert.Equal(["/staged/0", "/mnt/b", "/staged/1"], bundle.Spec.Mounts!.Where(m => m.Destination is "/a" or "/b" or "/c").Select(m => m.Source));
        Assert.Equal([("/mnt/a", "/staged/0", false), ("/mnt/c", "/staged/1", true)], bundle.IdmappedBinds.Select(b => (b.Source, b.Stage, b.Follows)));
        Assert.EndsWith("/ns/user", bundle.UserNamespace, StringComparison.Ordinal);
    }

    [Fact]
    public void Mappings_that_are_not_the_pods_are_refused()
    {
        var mount = Volume("/a");
        mount.GidMappings.Clear();
        _spec.Refuses("mounts[0].uidMappings and gidMappings are not those of the pod");
        mount.GidMappings.Add(new IDMapping { HostId = 1, Length = 65_536 });
        _spec.Refuses("mounts[0].uidMappings and gidMappings are not those of the pod");
        PodModes.UsernsOptions = null;
        _spec.Refuses("mounts[0].uidMappings are given in a pod without a user namespace");
    }

    [Fact]
    public void An_image_is_never_copied_and_its_mappings_are_judged_as_a_volumes()
    {
        var mount = Volume("/a");
        (mount.HostPath, mount.Image) = ("", new ImageSpec { Image = "data" });
        var bundle = _spec.Build();
        Assert.Equal("/images/0", bundle.Spec.Mounts!.Single(m => m.Destination == "/a").Source);
        Assert.Empty(bundle.IdmappedBinds);
        mount.MountOptions.Add("noatime");
        _spec.Refuses("mounts[0].mount_options 'noatime' can't be set", FaultCode.FailedPrecondition);
        mount.UidMappings[0].Length = 1;
        _spec.Refuses("mounts[0].uidMappings and gidMappings are not those of the pod");
    }

    [Fact]
    public void A_bind_keeps_the_flags_that_its_source_has()
    {
        _spec.Host.Mounts.Add(_spec.Host.Mounts[0] with { Target = "/mnt", Options = "ro,nosuid,nodev,relatime" });
        var mount = Volume("/a");
        mount.MountOptions.Add(["nosuid", "relatime"]);
        Assert.Equal(["rbind", "rprivate", "nosuid", "relatime", "nodev", "ro"], _spec.Build().Spec.Mounts!.Single(m => m.Destination == "/a").Options);
        mount.MountOptions.Add("noatime");
        _spec.Refuses("mounts[0].mount_options 'noatime' can't be set", FaultCode.FailedPrecondition);
    }

    [Fact]
    public void A_device_under_another_path_is_bound_and_never_the_hosts_device_of_that_path()
    {
        _spec.Host.Nodes.Add(new HostNode("/dev/zero", FileKind.CharacterDevice, 1, 5, 0x1B6, 0, 0));
        _spec.Host.Nodes.Add(new HostNode("/dev/sda", FileKind.BlockDevice, 8, 0, 0x1B0, 0, 6));
        _spec.Config.Devices.Add(new Device { HostPath = "/dev/zero", ContainerPath = "/dev/sda", Permissions = "r" });
        _spec.Config.Devices.Add(new Device { HostPath = "/dev/zero", ContainerPath = "/dev/zero", Permissions = "r" });
        var spec = _spec.Build().Spec;
        Assert.Equal(["/dev/zero"], spec.Linux.Devices!.Select(d => d.Path));
        Assert.Equal("/dev/zero", spec.Mounts!.Single(m => m.Destination == "/dev/sda").Source);
        Assert.Equal("/dev/sda", spec.Mounts![^1].Destination); // behind what /dev itself is
        _spec.Config.Devices.Add(new Device { HostPath = "/dev/sda", ContainerPath = "/dev/null" });
        _spec.Refuses("devices[2].container_path '/dev/null' is the runtime's own", FaultCode.FailedPrecondition);
    }

    [Fact]
    public void Two_way_propagation_is_refused()
    {
        Volume("/a").Propagation = Propagation.PropagationBidirectional;
        _spec.Host.Mounts.Add(_spec.Host.Mounts[0] with { Target = "/mnt", SharedGroup = 7 });
        _spec.Refuses("mounts[0].propagation is BIDIRECTIONAL in a pod with a user namespace");
    }

    [Fact]
    public void A_container_says_what_its_pod_says_or_nothing()
    {
        _spec.Context.NamespaceOptions = PodModes.Clone();
        _spec.Build();
        _spec.Context.NamespaceOptions.UsernsOptions.Uids[0].Length = 7;
        _spec.Refuses("linux.security_context.namespace_options.userns_options is not the pod's");
        _spec.Context.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Node };
        _spec.Refuses("userns_options is not the pod's");
        _spec.Context.NamespaceOptions.UsernsOptions = null;
        _spec.Build();
        PodModes.UsernsOptions = null;
        _spec.Context.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Node };
        _spec.Build();
        _spec.Context.NamespaceOptions.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Container };
        _spec.Refuses("userns_options is not the pod's");
    }

    [Fact]
    public void Users_and_groups_that_are_not_mapped_are_refused_where_they_come_from()
    {
        _spec.Context.RunAsUser = new Int64Value { Value = 65_535 };
        _spec.Build();
        _spec.Context.RunAsUser.Value = 65_536;
        _spec.Refuses("linux.security_context.run_as_user comes to uid 65536, and the pod's user namespace has the ids 0 to 65535 alone");
        _spec.Context.RunAsUser.Value = 1;
        _spec.Context.RunAsGroup = new Int64Value { Value = 70_000 };
        _spec.Refuses("linux.security_context.run_as_group comes to gid 70000");
        _spec.Context.RunAsGroup = null;
        _spec.Context.SupplementalGroups.Add(70_001);
        _spec.Refuses("linux.security_context.supplemental_groups comes to gid 70001");
        _spec.Context.SupplementalGroups.Clear();
        _spec.Context.RunAsUser = null;
        _spec.Image = _spec.Image with { User = "70002" };
        _spec.Refuses("image User comes to uid 70002");
    }

    [Fact]
    public void A_namespace_without_the_terminals_group_gets_terminals_without_it()
    {
        _spec.Context.SupplementalGroupsPolicy = SupplementalGroupsPolicy.Strict; // the image puts root into group 44
        Assert.Contains("gid=5", Pts());
        Give(5);
        Assert.DoesNotContain("gid=5", Pts());
    }

    private IReadOnlyList<string> Pts() => _spec.Build().Spec.Mounts!.Single(m => m.Destination == "/dev/pts").Options!;

    private void Give(uint count) => PodModes.UsernsOptions = new UserNamespace
    {
        Mode = NamespaceMode.Pod,
        Uids = { new IDMapping { HostId = 100_000, Length = count } },
        Gids = { new IDMapping { HostId = 200_000, Length = count } },
    };

    private Mount Volume(string path)
    {
        var mount = new Mount { ContainerPath = path, HostPath = "/mnt" + path };
        mount.UidMappings.Add(PodModes.UsernsOptions.Uids.Clone());
        mount.GidMappings.Add(PodModes.UsernsOptions.Gids.Clone());
        _spec.Config.Mounts.Add(mount);
        return mount;
    }
}
