using ShimRuntime.Linux;
using ShimRuntime.Runtime.Cgroups;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Cgroups;

public sealed class DriverParentTests
{
    private static readonly string Id = new('a', 64);
    private static readonly CgroupHierarchy V2 = CgroupHierarchy.Parse("35 31 0:32 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");

    [Theory]
    [InlineData("/kubepods/pod1/", "/kubepods/pod1")]
    public void Cgroupfs_takes_paths(string parent, string expected) => Assert.Equal(expected, Cgroupfs().PodCgroup(parent, Id));

    [Fact]
    public void Pods_without_a_parent_get_one_of_ours()
    {
        Assert.Equal($"/shimruntime/{Id}", Cgroupfs().PodCgroup("", Id));
        using var bus = new SystemdBus();
        Assert.Equal($"/shimruntime.slice/shimruntime-{Id}.slice", Systemd(bus).PodCgroup("", Id));
    }

    [Theory]
    [InlineData("kubepods-pod1.slice")]
    [InlineData("/kubepods.slice/kubepods-pod1.slice")]
    public void Systemd_takes_slices_by_name_or_path(string parent)
    {
        using var bus = new SystemdBus();
        Assert.Equal("/kubepods.slice/kubepods-pod1.slice", Systemd(bus).PodCgroup(parent, Id));
    }

    [Theory]
    [InlineData("/kubepods/pod1")]
    [InlineData("-.slice")]
    [InlineData("/other.slice/kubepods-pod1.slice")]
    [InlineData("kubepods--pod1.slice")]
    public void Systemd_takes_nothing_else(string parent)
    {
        using var bus = new SystemdBus();
        var fault = Assert.Throws<RuntimeFault>(() => Systemd(bus).PodCgroup(parent, Id));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Contains("linux.cgroup_parent", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_slice_whose_container_would_have_no_name_is_refused()
    {
        using var bus = new SystemdBus();
        var longest = new string('p', 255 - "-".Length - 64 - ".slice".Length);
        Assert.NotNull(Systemd(bus).PodCgroup($"{longest}.slice", Id));
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => Systemd(bus).PodCgroup($"{longest}p.slice", Id)).Code);
    }

    [Fact]
    public void Cgroupfs_takes_no_slice()
    {
        var fault = Assert.Throws<RuntimeFault>(() => Cgroupfs().PodCgroup("/kubepods.slice/kubepods-pod1.slice", Id));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
    }

    private static CgroupfsDriver Cgroupfs() => new(V2, "/shimruntime");

    private static SystemdDriver Systemd(SystemdBus bus) => new(V2, bus, "shimruntime.slice");
}
