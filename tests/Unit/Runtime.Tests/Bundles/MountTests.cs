using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using Xunit;
using Propagation = ShimRuntime.Cri.V1.MountPropagation;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class MountTests : IDisposable
{
    private readonly SpecFixture _spec = new();

    public void Dispose() => _spec.Dispose();

    [Theory]
    [InlineData("", "/host", "container_path is empty")]
    [InlineData("data", "/host", "container_path 'data' is relative")]
    [InlineData("/", "/host", "container_path is '/'")]
    [InlineData("/a/../..", "/host", "container_path '/a/../..' contains '..'")]
    [InlineData("/a\0", "/host", "container_path contains a NUL byte")]
    [InlineData("/data", "", "host_path is empty")]
    [InlineData("/data", "host", "host_path 'host' is relative")]
    [InlineData("/data", "/x/../etc", "host_path '/x/../etc' contains '..'")]
    public void Paths_are_absolute_and_plain(string container, string host, string sentence)
    {
        _spec.Config.Mounts.Add(new Mount { ContainerPath = container, HostPath = host });
        _spec.Refuses("mounts[0]." + sentence);
    }

    [Fact]
    public void The_same_destination_twice_is_refused_however_it_is_written()
    {
        Add("/data", "/a");
        Add("//data/.", "/b");
        _spec.Refuses("mounts[1].container_path '/data' is given twice");
    }

    [Fact]
    public void Propagation_needs_a_mount_that_propagates()
    {
        var mount = Add("/data", "/mnt/x");
        mount.Propagation = Propagation.PropagationBidirectional;
        _spec.Refuses("mounts[0].propagation", FaultCode.FailedPrecondition);
        mount.Propagation = Propagation.PropagationHostToContainer;
        _spec.Refuses("mounts[0].propagation", FaultCode.FailedPrecondition);

        _spec.Host.Mounts.Add(_spec.Host.Mounts[0] with { Target = "/mnt", MasterGroup = 7 });
        Assert.Equal("rslave", _spec.Build().Spec.Linux.RootfsPropagation);
        mount.Propagation = Propagation.PropagationBidirectional;
        _spec.Refuses("which is not shared", FaultCode.FailedPrecondition);
    }

    [Fact]
    public void Recursive_read_only_needs_its_conditions()
    {
        var mount = Add("/data", "/mnt/x");
        mount.RecursiveReadOnly = true;
        _spec.Refuses("recursive_read_only is set without readonly");
        mount.Readonly = true;
        mount.Propagation = Propagation.PropagationHostToContainer;
        _spec.Host.Mounts.Add(_spec.Host.Mounts[0] with { Target = "/mnt", SharedGroup = 7 });
        _spec.Refuses("can't be combined with propagation");
        mount.Propagation = Propagation.PropagationPrivate;
        _spec.Handler = new HandlerFeatures();
        _spec.Refuses("needs a runtime that knows rro", FaultCode.FailedPrecondition);
    }

    [Fact]
    public void What_this_release_does_not_do_is_said()
    {
        var mount = Add("/data", "/mnt/x");
        mount.MountOptions.Add("suid");
        _spec.Refuses("mounts[0].mount_options 'suid'");
    }

    [Fact]
    public void A_broken_source_is_refused_and_a_missing_one_is_named()
    {
        _spec.Host.Paths["/dangling"] = new HostPath("/nowhere", HostPathState.Broken);
        _spec.Host.Paths["/new"] = new HostPath("/real/new", HostPathState.Missing);
        Add("/b", "/new");
        Assert.Equal(["/real/new"], _spec.Build().MissingHostDirectories);
        Add("/a", "/dangling");
        _spec.Refuses("mounts[1].host_path");
    }

    [Fact]
    public void A_dev_of_its_own_brings_its_own_pts()
    {
        Add("/dev", "/dev");
        var destinations = _spec.Build().Spec.Mounts!.Select(m => m.Destination).ToList();
        Assert.DoesNotContain("/dev/pts", destinations);
        Assert.DoesNotContain("/dev/mqueue", destinations);
        Assert.True(destinations.IndexOf("/dev") < destinations.IndexOf("/dev/shm"));
    }

    [Theory]
    [InlineData("/../../etc")]
    [InlineData("/")]
    [InlineData("/a\0")]
    public void An_image_volume_outside_the_image_is_refused(string path)
    {
        _spec.Image = _spec.Image with { Volumes = new Dictionary<string, EmptyObject> { [path] = new() } };
        _spec.Refuses("image Volumes");
    }

    [Fact]
    public void Paths_of_the_kernel_s_length_are_taken_and_longer_ones_are_not()
    {
        var component = new string('x', 255);
        Add("/" + string.Join('/', Enumerable.Repeat(component, 15)), "/a");
        _spec.Build();
        Add("/" + component + "x", "/a");
        _spec.Refuses("component longer than 255 bytes");
        _spec.Config.Mounts.RemoveAt(1);
        Add("/" + string.Join('/', Enumerable.Repeat(component, 16)), "/a");
        _spec.Refuses("longer than 4095 bytes");
    }

    [Fact]
    public void Devices_are_checked()
    {
        var device = new Device { HostPath = "/dev/none", Permissions = "rw" };
        _spec.Config.Devices.Add(device);
        _spec.Refuses("devices[0].host_path '/dev/none'");
        _spec.Host.Nodes.Add(new HostNode("/dev/none", FileKind.CharacterDevice, 1, 2, 0x1B6, 0, 0));
        Assert.Equal("/dev/none", Assert.Single(_spec.Build().Spec.Linux.Devices!).Path);
        device.Permissions = "rx";
        _spec.Refuses("devices[0].permissions");
        device.Permissions = "rwm";
        _spec.Config.Devices.Add(device.Clone());
        _spec.Refuses("devices[1].container_path '/dev/none' is given twice");
    }

    private Mount Add(string container, string host)
    {
        var mount = new Mount { ContainerPath = container, HostPath = host };
        _spec.Config.Mounts.Add(mount);
        return mount;
    }
}
