using Xunit;

namespace ShimRuntime.Linux.Tests.Cgroups;

public sealed class CpuWeightTests
{
    [Theory]
    [InlineData(2, 1)]
    [InlineData(1024, 39)]
    [InlineData(262_144, 10_000)]
    [InlineData(1, 1)]
    [InlineData(999_999, 10_000)]
    public void Shares_become_weight(long shares, long weight) => Assert.Equal(weight, CpuWeight.OfShares(shares));

    [Fact]
    public void Every_weight_comes_back_from_its_shares()
    {
        for (var weight = 1L; weight <= 10_000; weight++) Assert.Equal(weight, CpuWeight.OfShares(CpuWeight.ToShares(weight)));
    }
}
