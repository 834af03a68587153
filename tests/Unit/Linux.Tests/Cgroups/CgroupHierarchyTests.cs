using Xunit;

namespace ShimRuntime.Linux.Tests.Cgroups;

public class CgroupHierarchyTests
{
    private const string V1 = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
        33 31 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        34 31 0:31 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
        90 31 0:30 / /mnt/second\040view rw,relatime - cgroup cgroup rw,memory

        """;

    private const string Unified = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    [Fact]
    public void V1_finds_each_controller_under_its_own_mount()
    {
        var hierarchy = CgroupHierarchy.Parse(V1);
        Assert.False(hierarchy.IsV2);
        Assert.Equal("/sys/fs/cgroup/cpu,cpuacct/a/b", hierarchy.PathOf("cpuacct", "/a/b"));
        Assert.Equal("/sys/fs/cgroup/memory", hierarchy.PathOf("memory", "/"));
        Assert.Null(hierarchy.PathOf("pids", "/a"));
        Assert.Equal(["/sys/fs/cgroup/cpu,cpuacct/a", "/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/systemd/a"], hierarchy.PathsOf("/a"));
    }

    [Fact]
    public void A_hybrid_machine_has_v1_limits_and_is_tidied_in_the_v2_mount_too()
    {
        var hierarchy = CgroupHierarchy.Parse(V1 + Unified);
        Assert.False(hierarchy.IsV2);
        Assert.Equal("/sys/fs/cgroup/memory/a", hierarchy.PathOf("memory", "/a"));
        Assert.Contains("/sys/fs/cgroup/unified/a", hierarchy.PathsOf("/a"));
    }

    [Theory]
    [InlineData("rw,seclabel,xattr,name=systemd")]
    [InlineData("rw,favordynmods,name=systemd")]
    public void A_systemd_mount_with_options_of_the_machine_leaves_it_a_v2_machine(string options) =>
        Assert.True(CgroupHierarchy.Parse($"40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup {options}\n{Unified}").IsV2);

    [Theory]
    [InlineData("")]
    [InlineData("40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n")]
    public void V2_has_every_controller_in_one_place_also_beside_a_named_v1_mount(string more)
    {
        var hierarchy = CgroupHierarchy.Parse(more + Unified);
        Assert.True(hierarchy.IsV2);
        Assert.Equal("/sys/fs/cgroup/unified/a", hierarchy.PathOf("memory", "/a"));
        Assert.Equal(["/sys/fs/cgroup/unified/a"], hierarchy.PathsOf("/a"));
    }

    [Fact]
    public void No_cgroups_at_all_is_said() =>
        Assert.Equal(FaultCode.FailedPrecondition, Assert.Throws<RuntimeFault>(() => CgroupHierarchy.Parse("1 1 0:1 / / rw - ext4 x rw\n")).Code);

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("/a/../b")]
    [InlineData("/a/./b")]
    [InlineData("/a//b")]
    [InlineData("/a/")]
    [InlineData("/a\nb")]
    public void A_path_that_is_not_clean_is_refused(string path) =>
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => CgroupHierarchy.Parse(V1).PathsOf(path)).Code);

    [Fact]
    public void Ancestors_end_below_the_root()
    {
        Assert.Equal(["/a/b/c", "/a/b", "/a"], CgroupPath.SelfAndAncestors("/a/b/c"));
        Assert.Equal(("/a/b", "/"), (CgroupPath.Parent("/a/b/c"), CgroupPath.Parent("/a")));
    }
}
