using Xunit;

namespace ShimRuntime.Linux.Tests.Cgroups;

public sealed class SliceNameTests
{
    [Theory]
    [InlineData("a.slice", "/a.slice")]
    [InlineData("kubepods-burstable-podabc_1.slice", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podabc_1.slice")]
    public void Dashes_are_the_tree(string name, string path) => Assert.Equal(path, SliceName.TryExpand(name));

    [Theory]
    [InlineData("")]
    [InlineData(".slice")]
    [InlineData("-.slice")]
    [InlineData("a--b.slice")]
    [InlineData("-a.slice")]
    [InlineData("a-.slice")]
    [InlineData("a.scope")]
    [InlineData("a/b.slice")]
    [InlineData("a b.slice")]
    [InlineData("../a.slice")]
    [InlineData("kubepods")]
    public void What_is_no_slice_has_no_path(string name) => Assert.Null(SliceName.TryExpand(name));

    [Fact]
    public void A_name_has_at_most_255_characters()
    {
        Assert.NotNull(SliceName.TryExpand(new string('a', 249) + ".slice"));
        Assert.Null(SliceName.TryExpand(new string('a', 250) + ".slice"));
    }
}
