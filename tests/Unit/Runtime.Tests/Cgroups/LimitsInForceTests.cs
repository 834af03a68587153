using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Cgroups;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Cgroups;

/// <summary>Control files as a directory of plain ones: what they say is what is told.</summary>
public sealed class LimitsInForceTests : IDisposable
{
    private readonly string _mount = Directory.CreateTempSubdirectory("limits-").FullName;

    public void Dispose() => Directory.Delete(_mount, true);

    [Fact]
    public void V2_files_in_CRI_s_terms()
    {
        Write(
            ("memory.max", "1048576"), ("memory.swap.max", "4096"), ("cpu.max", "50000 100000"), ("cpu.weight", "39"), ("memory.high", "900"),
            ("cpuset.cpus", "0-1"));
        var asked = new LinuxContainerResources
        {
            MemoryLimitInBytes = 7, MemorySwapLimitInBytes = 8, CpuShares = 1024, CpusetCpus = "0", OomScoreAdj = 5,
            Unified = { ["memory.high"] = "1" },
        };
        var expected = new LinuxContainerResources
        {
            MemoryLimitInBytes = 1048576, MemorySwapLimitInBytes = 1052672, CpuShares = 1024, CpuQuota = 50_000, CpuPeriod = 100_000,
            CpusetCpus = "0-1", OomScoreAdj = 5, Unified = { ["memory.high"] = "900" },
        };
        Assert.Equal(expected, V2().Read("/c", asked));
    }

    [Fact]
    public void What_the_kernel_rounded_is_told_as_it_was_asked()
    {
        Write(("memory.max", "99999744"), ("cpu.weight", "10"));
        var told = V2().Read("/c", new LinuxContainerResources { MemoryLimitInBytes = 100_000_001, CpuShares = 256 });
        Assert.Equal((100_000_001L, 256L), (told.MemoryLimitInBytes, told.CpuShares));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-1, -1)]
    [InlineData(4096, -1)]
    public void No_limit_is_0_until_one_was_asked_for(long asked, long told)
    {
        Write(("memory.max", "max"), ("cpu.max", "max 100000"), ("cpu.weight", "100"));
        var found = V2().Read("/c", new LinuxContainerResources { MemoryLimitInBytes = asked, CpuQuota = asked });
        Assert.Equal((told, told, 0L), (found.MemoryLimitInBytes, found.CpuQuota, found.CpuShares));
    }

    [Fact]
    public void V1_files_in_CRI_s_terms()
    {
        Write(
            ("memory.limit_in_bytes", "1048576"), ("memory.memsw.limit_in_bytes", "9223372036854771712"), ("cpu.shares", "77"),
            ("cpu.cfs_quota_us", "-1"), ("cpu.cfs_period_us", "50000"));
        var told = V1().Read("/c", new LinuxContainerResources { MemoryLimitInBytes = 5, MemorySwapLimitInBytes = 6 });
        Assert.Equal((1048576L, -1L), (told.MemoryLimitInBytes, told.MemorySwapLimitInBytes));
        Assert.Equal((77L, 0L, 50_000L), (told.CpuShares, told.CpuQuota, told.CpuPeriod));
    }

    [Fact]
    public void Without_a_cgroup_it_is_as_recorded()
    {
        var asked = new LinuxContainerResources { MemoryLimitInBytes = 5, CpuShares = 6, CpuQuota = 7, CpusetCpus = "0" };
        Assert.Equal(asked, V2().Read("/gone", asked));
    }

    private LimitsInForce V2() => new(CgroupHierarchy.Parse($"35 31 0:32 / {_mount} rw - cgroup2 cgroup2 rw\n"));

    private LimitsInForce V1() => new(CgroupHierarchy.Parse($"35 31 0:32 / {_mount} rw - cgroup cgroup rw,memory,cpu,cpuset,hugetlb\n"));

    private void Write(params (string File, string Text)[] files)
    {
        Directory.CreateDirectory($"{_mount}/c");
        foreach (var (file, text) in files) File.WriteAllText($"{_mount}/c/{file}", text + "\n");
    }
}
