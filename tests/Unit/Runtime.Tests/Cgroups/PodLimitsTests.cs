using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Cgroups;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Cgroups;

public sealed class PodLimitsTests : IDisposable
{
    private readonly string _mount = Directory.CreateTempSubdirectory("pods-").FullName;

    public void Dispose() => Directory.Delete(_mount, true);

    [Fact]
    public void Overhead_and_resources_are_one_limit()
    {
        var resources = new LinuxContainerResources { MemoryLimitInBytes = 100, CpuShares = 500, CpuQuota = 20_000, CpuPeriod = 50_000 };
        var overhead = new LinuxContainerResources { MemoryLimitInBytes = 10, CpuShares = 24, CpuQuota = 10_000, CpuPeriod = 100_000 };
        var expected = new LinuxContainerResources { MemoryLimitInBytes = 110, CpuShares = 524, CpuQuota = 25_000, CpuPeriod = 50_000 };
        Assert.Equal(expected, PodLimits.Sum(overhead, resources));
        Assert.Equal(resources, PodLimits.Sum(null, resources));
        Assert.Equal(new LinuxContainerResources(), PodLimits.Sum(null, null));
    }

    [Fact]
    public void Containers_without_a_limit_leave_the_pod_without()
    {
        var overhead = new LinuxContainerResources { MemoryLimitInBytes = 10, CpuQuota = 10_000 };
        Assert.Equal((0L, 0L), Of(PodLimits.Sum(overhead, new LinuxContainerResources())));
        Assert.Equal((-1L, -1L), Of(PodLimits.Sum(overhead, new LinuxContainerResources { MemoryLimitInBytes = -1, CpuQuota = -1 })));
    }

    [Fact]
    public void All_is_written_or_nothing()
    {
        Directory.CreateDirectory($"{_mount}/pod");
        File.WriteAllText($"{_mount}/pod/cpu.weight", "100");
        File.WriteAllText($"{_mount}/pod/cpu.max", "max 100000");
        var hierarchy = CgroupHierarchy.Parse($"35 31 0:32 / {_mount} rw - cgroup2 cgroup2 rw\n");
        var limits = new LinuxContainerResources { CpuShares = 1024, CpuQuota = 50_000, MemoryLimitInBytes = 4096 };
        var fault = Assert.Throws<RuntimeFault>(() => PodLimits.Write(hierarchy, "/pod", limits)); // there is no memory.max
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.StartsWith("100", File.ReadAllText($"{_mount}/pod/cpu.weight"), StringComparison.Ordinal);
        Assert.StartsWith("max 100000", File.ReadAllText($"{_mount}/pod/cpu.max"), StringComparison.Ordinal);
    }

    private static (long Memory, long Quota) Of(LinuxContainerResources limits) => (limits.MemoryLimitInBytes, limits.CpuQuota);
}
