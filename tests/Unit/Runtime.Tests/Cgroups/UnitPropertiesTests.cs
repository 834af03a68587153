using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Cgroups;

public sealed class UnitPropertiesTests
{
    [Fact]
    public void Limits_are_properties()
    {
        var limits = new Resources
        {
            MemoryLimitBytes = 100, MemorySwapLimitBytes = 150, MemorySwapSet = true, CpuShares = 1024, CpuQuotaMicroseconds = 50_000,
            PidsLimit = -1,
        };
        Assert.Equal(
            "CPUQuotaPerSecUSec=500000 CPUQuotaPeriodUSec=100000 CPUWeight=39 MemoryMax=100 MemorySwapMax=50 TasksMax=18446744073709551615",
            Text(limits));
    }

    [Fact]
    public void What_is_not_asked_for_is_not_told() => Assert.Empty(UnitProperties.Of(new Resources()));

    [Fact]
    public void A_quota_between_two_percents_is_rounded_up() => Assert.Equal(
        "CPUQuotaPerSecUSec=130000 CPUQuotaPeriodUSec=100000",
        Text(new Resources { CpuQuotaMicroseconds = 12_500, CpuPeriodMicroseconds = 100_000 }));

    [Fact]
    public void Without_a_quota_there_is_no_end() => Assert.Equal(
        "CPUQuotaPerSecUSec=18446744073709551615 CPUQuotaPeriodUSec=100000", Text(new Resources { CpuQuotaMicroseconds = -1 }));

    [Fact]
    public void Unified_files_that_systemd_knows_win_and_others_are_left_to_the_files()
    {
        var limits = new Resources
        {
            MemoryLimitBytes = 100,
            Unified =
            {
                ["memory.max"] = "max", ["memory.high"] = " 90\n", ["cpu.max"] = "max 50000", ["io.max"] = "8:0 rbps=1", ["hugetlb.2MB.max"] = "0",
            },
        };
        Assert.Equal(
            "CPUQuotaPerSecUSec=18446744073709551615 CPUQuotaPeriodUSec=50000 MemoryHigh=90 MemoryMax=18446744073709551615", Text(limits));
    }

    [Fact]
    public void A_cpuset_is_a_bitmap_from_the_lowest_byte()
    {
        var cpus = Assert.Single(UnitProperties.Of(new Resources { CpusetCpus = "0-1,9" }));
        Assert.Equal("AllowedCPUs", cpus.Name);
        Assert.Equal(new byte[] { 0b11, 0b10 }, cpus.Value.GetArray<byte>());
    }

    private static string Text(Resources limits) => string.Join(' ', UnitProperties.Of(limits)
        .OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => $"{p.Name}={p.Value.GetUInt64()}"));
}
