using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class ResourceTests
{
    private const string Failure = "failed to update container 'x'";
    private static readonly HostFacts Host = new FakeHost().Facts;

    public static TheoryData<string, LinuxContainerResources> Bad => new()
    {
        { "cpu_period", new() { CpuPeriod = 999 } },
        { "cpu_period", new() { CpuPeriod = 1_000_001 } },
        { "cpu_period", new() { CpuPeriod = -1 } },
        { "cpu_quota", new() { CpuQuota = 999 } },
        { "cpu_quota", new() { CpuQuota = -2 } },
        { "cpu_shares", new() { CpuShares = 1 } },
        { "cpu_shares", new() { CpuShares = 262_145 } },
        { "cpu_shares", new() { CpuShares = -5 } },
        { "memory_limit_in_bytes", new() { MemoryLimitInBytes = -2 } },
        { "memory_swap_limit_in_bytes", new() { MemoryLimitInBytes = 100, MemorySwapLimitInBytes = 99 } },
        { "memory_swap_limit_in_bytes", new() { MemorySwapLimitInBytes = 100 } },
        { "memory_swap_limit_in_bytes", new() { MemorySwapLimitInBytes = -2 } },
        { "oom_score_adj", new() { OomScoreAdj = 1001 } },
        { "oom_score_adj", new() { OomScoreAdj = -1001 } },
        { "cpuset_cpus", new() { CpusetCpus = "0-" } },
        { "cpuset_cpus", new() { CpusetCpus = "0\n" } },
        { "cpuset_mems", new() { CpusetMems = "a" } },
        { "hugepage_limits.page_size", new() { HugepageLimits = { new HugepageLimit { PageSize = "../x", Limit = 1 } } } },
        { "hugepage_limits.page_size", new() { HugepageLimits = { new HugepageLimit { PageSize = "2MB" }, new HugepageLimit { PageSize = "2MB" } } } },
        { "unified", new() { Unified = { ["cgroup.procs"] = "1" } } },
        { "unified", new() { Unified = { ["../memory.max"] = "1" } } },
        { "unified", new() { Unified = { ["memory.high/x"] = "1" } } },
        { "unified", new() { Unified = { ["net.weight"] = "1" } } },
        { "unified", new() { Unified = { ["memory.high"] = "" } } },
        { "unified", new() { Unified = { ["memory.oom.group"] = "yes" } } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_the_kernel_would_refuse_is_refused_by_name(string field, LinuxContainerResources asked)
    {
        var fault = Assert.Throws<RuntimeFault>(() => ResourceTranslator.Validate(asked, Host, Failure));
        Assert.StartsWith($"{Failure}: linux.resources.{field}", fault.Message, StringComparison.Ordinal);
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
    }

    [Fact]
    public void What_this_node_can_not_limit_is_a_precondition()
    {
        var pages = new LinuxContainerResources { HugepageLimits = { new HugepageLimit { PageSize = "64KB", Limit = 1 } } };
        Assert.Equal(
            FaultCode.FailedPrecondition, Assert.Throws<RuntimeFault>(() => ResourceTranslator.Validate(pages, Host, Failure)).Code);
        var unified = new LinuxContainerResources { Unified = { ["memory.high"] = "1" } };
        Assert.Equal(
            FaultCode.FailedPrecondition, Assert.Throws<RuntimeFault>(() => ResourceTranslator.Validate(unified, Host with { CgroupVersion = 1 }, Failure)).Code);
    }

    [Theory]
    [InlineData(0, 0, true, 0)]
    [InlineData(100, 0, true, 100)]
    [InlineData(100, 300, true, 300)]
    [InlineData(100, -1, true, -1)]
    [InlineData(100, 300, false, 0)]
    [InlineData(-1, 0, true, -1)]
    public void Memory_without_a_swap_limit_allows_no_swap(long limit, long swap, bool counted, long expected)
    {
        var asked = new LinuxContainerResources { MemoryLimitInBytes = limit, MemorySwapLimitInBytes = swap };
        var shim = ResourceTranslator.ToShim(asked, Host with { SwapLimits = counted });
        Assert.Equal((limit, expected, expected != 0), (shim.MemoryLimitBytes, shim.MemorySwapLimitBytes, shim.MemorySwapSet));
        var spec = ResourceTranslator.ToSpec(asked, Host with { SwapLimits = counted });
        Assert.Equal(expected == 0 ? null : expected, spec.Memory?.Swap);
    }

    [Fact]
    public void Nothing_asked_is_nothing_said()
    {
        var spec = ResourceTranslator.ToSpec(new LinuxContainerResources(), Host);
        Assert.Equal(new Oci.LinuxResources(), spec);
    }

    [Fact]
    public void An_update_changes_what_it_sets_and_keeps_the_rest()
    {
        var inForce = new LinuxContainerResources
        {
            CpuShares = 100, MemoryLimitInBytes = 200, OomScoreAdj = 5, CpusetCpus = "0",
            HugepageLimits = { new HugepageLimit { PageSize = "2MB", Limit = 1 } }, Unified = { ["memory.high"] = "1" },
        };
        var before = inForce.Clone();
        var change = new LinuxContainerResources
        {
            MemoryLimitInBytes = 300, OomScoreAdj = 900, CpuQuota = -1,
            HugepageLimits = { new HugepageLimit { PageSize = "2MB", Limit = 2 }, new HugepageLimit { PageSize = "1GB", Limit = 3 } }, Unified = { ["memory.min"] = "2" },
        };
        var expected = new LinuxContainerResources
        {
            CpuShares = 100, CpuQuota = -1, MemoryLimitInBytes = 300, OomScoreAdj = 5, CpusetCpus = "0",
            HugepageLimits = { new HugepageLimit { PageSize = "2MB", Limit = 2 }, new HugepageLimit { PageSize = "1GB", Limit = 3 } },
            Unified = { ["memory.high"] = "1", ["memory.min"] = "2" },
        };
        Assert.Equal(expected, ResourceTranslator.Merge(inForce, change));
        Assert.Equal(before, inForce);
    }

    [Fact]
    public void The_oom_score_is_never_below_the_node_s_floor_and_is_reported_as_it_is()
    {
        using var spec = new SpecFixture();
        spec.Host.Facts = Host with { OomScoreAdjFloor = -100 };
        spec.Config.Linux.Resources = new LinuxContainerResources { OomScoreAdj = -997 };
        var built = spec.Build();
        Assert.Equal(-100, built.Spec.Process.OomScoreAdj);
        Assert.Equal(-100, built.ResourcesInForce.OomScoreAdj);
        Assert.Equal(-997, spec.Config.Linux.Resources.OomScoreAdj);
    }

    [Fact]
    public void What_a_shim_has_in_force_reads_as_the_request_for_it()
    {
        var asked = new LinuxContainerResources
        {
            CpuPeriod = 1, CpuQuota = 2, CpuShares = 3, MemoryLimitInBytes = 4, CpusetCpus = "0", CpusetMems = "1",
            HugepageLimits = { new HugepageLimit { PageSize = "2MB", Limit = 5 } }, Unified = { ["memory.high"] = "6" },
        };
        Assert.Equal(asked, ResourceTranslator.FromShim(ResourceTranslator.ToShim(asked, Host)));
        asked.MemorySwapLimitInBytes = 7;
        Assert.Equal(asked, ResourceTranslator.FromShim(ResourceTranslator.ToShim(asked, Host)));
    }
}
