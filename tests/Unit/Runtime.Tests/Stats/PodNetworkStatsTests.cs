using ShimRuntime.Linux;
using ShimRuntime.Runtime.Stats;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Stats;

public class PodNetworkStatsTests
{
    [Fact]
    public void Eth0_is_the_default_wherever_it_stands_and_not_among_the_others()
    {
        var usage = UsageViews.Network([Counters("net1", 5), Counters("eth0", 1)], 42);
        Assert.Equal(42, usage.Timestamp);
        var eth0 = usage.DefaultInterface;
        Assert.Equal(("eth0", 1UL, 3UL), (eth0.Name, eth0.RxBytes.Value, eth0.RxErrors.Value));
        Assert.Equal((11UL, 13UL), (eth0.TxBytes.Value, eth0.TxErrors.Value));
        Assert.Equal("net1", Assert.Single(usage.Interfaces).Name);
    }

    [Fact]
    public void Without_eth0_the_first_is_the_default() =>
        Assert.Equal("ens3", UsageViews.Network([Counters("ens3", 1), Counters("net1", 5)], 42).DefaultInterface.Name);

    private static InterfaceCounters Counters(string name, ulong first) =>
        new(name, new LinkCounters(first, first + 1, first + 2, first + 3), new LinkCounters(first + 10, first + 11, first + 12, first + 13));
}
