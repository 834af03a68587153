using ShimRuntime.Runtime.Stats;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Stats;

public class PodNetworkStatsTests
{
    [Fact]
    public void The_first_interface_is_the_default_and_loopback_is_left_out()
    {
        var usage = PodStatsReader.Network([new("lo", 9, 9, 9, 9), new("eth0", 1, 2, 3, 4), new("net1", 5, 6, 7, 8)], 42);
        Assert.Equal(42, usage.Timestamp);
        var eth0 = usage.DefaultInterface;
        Assert.Equal(("eth0", 1UL, 2UL), (eth0.Name, eth0.RxBytes.Value, eth0.RxErrors.Value));
        Assert.Equal((3UL, 4UL), (eth0.TxBytes.Value, eth0.TxErrors.Value));
        Assert.Equal("net1", Assert.Single(usage.Interfaces).Name);
    }
}
