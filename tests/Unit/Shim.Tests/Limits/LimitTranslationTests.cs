using ShimRuntime.Linux;
using ShimRuntime.Shim.Limits;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Shim.Tests.Limits;

public class LimitTranslationTests
{
    [Fact]
    public void V2_files_and_values()
    {
        var wanted = new Resources
        {
            CpuShares = 1024,
            CpuQuotaMicroseconds = 50_000,
            MemoryLimitBytes = 100,
            MemorySwapLimitBytes = 150,
            PidsLimit = -1,
            HugepageLimits = { new HugepageLimit { PageSize = "2MB", LimitBytes = 4 } },
            Unified = { ["memory.high"] = "90", ["memory.oom.group"] = "1" },
        };
        Assert.Equal(
            ["cpu.max=50000 100000", "cpu.weight=39", "hugetlb.2MB.max=4", "memory.high=90", "memory.max=100", "memory.oom.group=1",
                "memory.swap.max=50", "pids.max=max"],
            Values(wanted, wanted, true));
    }

    [Fact]
    public void V1_files_and_values()
    {
        var wanted = new Resources { CpuShares = 1, MemoryLimitBytes = -1, MemorySwapLimitBytes = -1, PidsLimit = 7 };
        Assert.Equal(["cpu.shares=2", "memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1", "pids.max=7"],
            Values(wanted, wanted, false));
    }

    [Fact]
    public void What_is_absent_is_not_written() =>
        Assert.Empty(Values(new Resources(), new Resources { MemoryLimitBytes = 5, CpuShares = 3 }, true));

    [Fact]
    public void Swap_below_memory_is_refused()
    {
        var wanted = new Resources { MemoryLimitBytes = 100, MemorySwapLimitBytes = 99 };
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => Values(wanted, wanted, true)).Code);
    }

    [Theory]
    [InlineData("cgroup.procs")]
    [InlineData("../cgroup.kill")]
    [InlineData("memory/high")]
    [InlineData("high")]
    public void A_unified_key_that_is_no_resource_file_is_refused(string key)
    {
        var wanted = new Resources { Unified = { [key] = "1" } };
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => Values(wanted, wanted, true)).Code);
    }

    [Fact]
    public void Merging_keeps_what_the_update_leaves_open()
    {
        var huge = new HugepageLimit { PageSize = "2MB", LimitBytes = 1 };
        var present = new Resources { CpuShares = 5, MemoryLimitBytes = 6, HugepageLimits = { huge } };
        var merged = ContainerLimits.Merge(present, new Resources
        {
            MemoryLimitBytes = 9,
            HugepageLimits = { new HugepageLimit(huge) { LimitBytes = 2 }, new HugepageLimit { PageSize = "1GB", LimitBytes = 3 } },
        });
        Assert.Equal((5L, 9L), (merged.CpuShares, merged.MemoryLimitBytes));
        Assert.Equal([("2MB", 2UL), ("1GB", 3UL)], merged.HugepageLimits.Select(h => (h.PageSize, h.LimitBytes)));
        Assert.Equal(6, present.MemoryLimitBytes);
    }

    private static IEnumerable<string> Values(Resources wanted, Resources inForce, bool isV2) =>
        LimitTranslation.For(wanted, inForce, isV2)
            .SelectMany(l => l.Writes(_ => ""))
            .Select(w => $"{w.File}={w.Value}")
            .Order(StringComparer.Ordinal);
}
