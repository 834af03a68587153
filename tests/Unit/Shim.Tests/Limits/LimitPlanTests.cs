using ShimRuntime.Linux;
using ShimRuntime.Shim.Limits;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Shim.Tests.Limits;

public class LimitPlanTests
{
    private static readonly long[] Quotas = [-1, 0, 10_000, 25_000, 50_000, 100_000, 200_000];
    private static readonly long[] Periods = [0, 20_000, 50_000, 100_000];
    private static readonly long[] Bytes = [-1, 1, 2, 3, 4];

    [Fact]
    public void No_order_of_cpu_quotas_and_periods_is_ever_refused_by_the_kernel()
    {
        foreach (var (quota, period) in from q in Quotas where q != 0 from p in Periods where p != 0 select (q, p))
            foreach (var (newQuota, newPeriod) in from q in Quotas from p in Periods where q != 0 || p != 0 select (q, p))
            {
                var cgroups = new FakeCgroups();
                foreach (var group in (ReadOnlySpan<string>)["p", "c"])
                    (cgroups[$"{group}/cpu.cfs_quota_us"], cgroups[$"{group}/cpu.cfs_period_us"]) = ($"{quota}", $"{period}");
                // The pod allows the larger of the two and nothing more.
                var finalQuota = newQuota == 0 ? quota : newQuota;
                var finalPeriod = newPeriod == 0 ? period : newPeriod;
                var unlimited = quota < 0 || finalQuota < 0;
                var podRatio = Math.Max((decimal)quota / period, (decimal)finalQuota / finalPeriod);
                (cgroups["pod/cpu.cfs_quota_us"], cgroups["pod/cpu.cfs_period_us"]) = unlimited ? ("-1", "1") : ($"{podRatio}", "1");

                foreach (var step in LimitPlan.For(new CpuQuotaLimit(newQuota, newPeriod), "p", ["c"], cgroups.Read)) cgroups.Apply(step);

                foreach (var group in (ReadOnlySpan<string>)["p", "c"])
                    Assert.Equal(($"{finalQuota}", $"{finalPeriod}"), (cgroups[$"{group}/cpu.cfs_quota_us"],
                        cgroups[$"{group}/cpu.cfs_period_us"]));
            }
    }

    [Fact]
    public void Memory_and_swap_are_never_the_wrong_way_round()
    {
        foreach (var (memory, swap) in Pairs())
            foreach (var (newMemory, newSwap) in Pairs())
            {
                var cgroups = new FakeCgroups();
                foreach (var group in (ReadOnlySpan<string>)["p", "c"])
                    (cgroups[$"{group}/memory.limit_in_bytes"], cgroups[$"{group}/memory.memsw.limit_in_bytes"]) = ($"{memory}", $"{swap}");
                foreach (var step in LimitPlan.For(new MemoryAndSwapLimit(newMemory, newSwap), "p", ["c"], cgroups.Read)) cgroups.Apply(step);
                Assert.Equal(($"{newMemory}", $"{newSwap}"), (cgroups["c/memory.limit_in_bytes"],
                    cgroups["c/memory.memsw.limit_in_bytes"]));
            }

        static IEnumerable<(long, long)> Pairs() =>
            from m in Bytes from s in Bytes where s < 0 || (m > 0 && s >= m) select (m, s);
    }

    [Fact]
    public void Cpusets_move_with_the_leaf_inside_its_parent_at_every_moment()
    {
        string[] sets = ["0", "1", "0-1", "2-3", "0,3", "0-7"];
        foreach (var (before, after) in from a in sets from b in sets select (a, b))
        {
            var cgroups = new FakeCgroups { ["p/cpuset.cpus"] = before, ["c/cpuset.cpus"] = before };
            foreach (var step in LimitPlan.ForCpuset(("cpuset.cpus", after), "p", ["c"], cgroups.Read)) cgroups.Apply(step);
            Assert.Equal((after, after), (cgroups["p/cpuset.cpus"], cgroups["c/cpuset.cpus"]));
        }
    }

    [Fact]
    public void The_group_kill_is_the_leafs_alone()
    {
        var wanted = new Resources { Unified = { ["memory.oom.group"] = "1" } };
        var limit = Assert.Single(LimitTranslation.For(wanted, wanted, true));
        var cgroups = new FakeCgroups { ["p/memory.oom.group"] = "0", ["c/memory.oom.group"] = "0" };
        Assert.Equal([new LimitStep("c/memory.oom.group", "1")], LimitPlan.For(limit, "p", ["c"], cgroups.Read));
        Assert.Empty(LimitPlan.For(limit, "p", [], cgroups.Read)); // config.json has it until the leaf is there
    }

    [Theory]
    [InlineData("5", "9")]
    [InlineData("9", "5")]
    [InlineData("max", "5")]
    [InlineData("5", "max")]
    public void A_leaf_is_never_allowed_more_than_its_parent(string before, string after)
    {
        var cgroups = new FakeCgroups { ["p/pids.max"] = before, ["c/pids.max"] = before };
        foreach (var step in LimitPlan.For(new ScalarLimit("pids", "pids.max", after), "p", ["c"], cgroups.Read)) cgroups.Apply(step);
        Assert.Equal((after, after), (cgroups["p/pids.max"], cgroups["c/pids.max"]));
    }

    [Theory]
    [InlineData("0", "1", "0-1")]
    [InlineData("", "3", "3")]
    [InlineData("0-2,7", "4,6", "0-2,4,6-7")]
    public void Lists_of_ids_are_joined_in_ranges(string a, string b, string union) => Assert.Equal(union, CpuSet.Union(a, b));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("1-")]
    [InlineData("-1")]
    [InlineData("0-99999999")]
    public void What_is_no_list_of_ids_is_refused(string value) =>
        Assert.Equal(FaultCode.InvalidArgument,
            Assert.Throws<RuntimeFault>(() => LimitPlan.ForCpuset(("cpuset.cpus", value), "p", [], _ => "0").ToList()).Code);
}
