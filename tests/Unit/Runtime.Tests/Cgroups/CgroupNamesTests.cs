using ShimRuntime.Runtime.Cgroups;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Cgroups;

public sealed class CgroupNamesTests
{
    private const string Slice = "/kubepods.slice/kubepods-pod1.slice";

    [Fact]
    public void Directories_below_a_directory()
    {
        Assert.Equal("/kubepods/pod1/abc", CgroupNames.Container("/kubepods/pod1", "abc"));
        Assert.Equal("/abc", CgroupNames.Container("/", "abc"));
        Assert.Equal("/kubepods/pod1/abc/g2-abc", CgroupNames.Leaf("/kubepods/pod1/abc", 2, "abc"));
        Assert.Equal("/kubepods/pod1/box", CgroupNames.PodInit("/kubepods/pod1", "box"));
        Assert.Equal("/kubepods/pod1/abc/g2-abc", CgroupNames.OciPath("/kubepods/pod1/abc/g2-abc"));
    }

    [Fact]
    public void A_slice_and_scopes_below_a_slice()
    {
        var container = CgroupNames.Container(Slice, "abc");
        var leaf = CgroupNames.Leaf(container, 1, "abc");
        Assert.Equal($"{Slice}/kubepods-pod1-abc.slice", container);
        Assert.Equal($"{container}/shimruntime-g1-abc.scope", leaf);
        Assert.Equal($"{Slice}/shimruntime-box.scope", CgroupNames.PodInit(Slice, "box"));
        Assert.Equal("kubepods-pod1-abc.slice:shimruntime-g1:abc", CgroupNames.OciPath(leaf));
    }

    [Theory]
    [InlineData("/kubepods/pod1/abc/g1-abc")]
    [InlineData("/kubepods.slice/kubepods-pod1.slice/kubepods-pod1-abc.slice/shimruntime-g1-abc.scope")]
    public void What_runc_is_told_leads_back(string leaf) => Assert.Equal(leaf, CgroupNames.FromOciPath(CgroupNames.OciPath(leaf)));

    [Theory]
    [InlineData("")]
    [InlineData("a.slice:b")]
    [InlineData("a:b:c")]
    public void Nothing_else_does(string path) => Assert.Null(CgroupNames.FromOciPath(path));
}
