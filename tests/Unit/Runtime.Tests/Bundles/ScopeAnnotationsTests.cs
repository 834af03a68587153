using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class ScopeAnnotationsTests
{
    private const string Scope = "/pods.slice/pods-c.slice/shimruntime-g1-c.scope";
    private static readonly Dictionary<string, string> Others = new() { ["a"] = "b" };

    [Fact]
    public void A_leaf_that_is_no_unit_has_nothing_to_tell() =>
        Assert.Same(Others, ScopeAnnotations.AddTo(Others, "/pod1/c/g1-c", new LinuxResources()));

    [Theory]
    [InlineData(100L, 100L, true)]
    [InlineData(100L, 150L, false)]
    [InlineData(100L, -1L, false)]
    [InlineData(-1L, -1L, false)]
    [InlineData(100L, null, false)]
    public void Swap_is_told_where_runc_does_not(long limit, long? swap, bool told)
    {
        var all = ScopeAnnotations.AddTo(Others, Scope, new LinuxResources { Memory = new MemoryLimits { Limit = limit, Swap = swap } });
        Assert.Equal(told ? "uint64 0" : null, all.GetValueOrDefault("org.systemd.property.MemorySwapMax"));
        Assert.Equal("b", all["a"]);
    }

    [Fact]
    public void An_update_before_the_start_takes_back_what_was_told()
    {
        var first = ScopeAnnotations.AddTo(Others, Scope, new LinuxResources { Memory = new MemoryLimits { Limit = 100, Swap = 100 } });
        var second = ScopeAnnotations.AddTo(first, Scope, new LinuxResources { Memory = new MemoryLimits { Limit = 100, Swap = 150 } });
        Assert.DoesNotContain("org.systemd.property.MemorySwapMax", second.Keys);
    }

    [Fact]
    public void Tasks_have_no_limit_that_nobody_asked_for()
    {
        var asked = new LinuxResources { Unified = new SortedDictionary<string, string> { ["pids.max"] = "7" } };
        Assert.Equal("uint64 18446744073709551615", ScopeAnnotations.AddTo(Others, Scope, null)["org.systemd.property.TasksMax"]);
        Assert.DoesNotContain("org.systemd.property.TasksMax", ScopeAnnotations.AddTo(Others, Scope, asked).Keys);
    }
}
