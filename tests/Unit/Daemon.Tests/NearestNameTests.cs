using ShimRuntime.Daemon.Configuration;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("", "abc", 3)]
    [InlineData("root", "root", 0)]
    [InlineData("rot", "root", 1)]
    [InlineData("roto", "root", 1)]
    [InlineData("kitten", "sitting", 3)]
    public void Distance_counts_edits(string a, string b, int expected)
    {
        Assert.Equal(expected, NearestName.Distance(a, b));
        Assert.Equal(expected, NearestName.Distance(b, a));
    }

    [Fact]
    public void The_nearest_wins() => Assert.Equal("state", NearestName.Of("stat", ["root", "state", "listen"]));
}
