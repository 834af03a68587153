using Xunit;

namespace ShimRuntime.Linux.Tests.Namespaces;

public class NetworkInterfacesTests
{
    private const string Text = """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
            lo:    1234      10    0    0    0     0          0         0     1234      10    0    0    0     0       0          0
          eth0: 18446744073709551615  20    3    4    0     0          0         0     777      10    5    6    0     0       0          0
        """;

    [Fact]
    public void Bytes_and_errors_of_both_directions_are_read()
    {
        Assert.Equal(
            [new InterfaceCounters("lo", 1234, 0, 1234, 0), new InterfaceCounters("eth0", ulong.MaxValue, 3, 777, 5)],
            NetworkInterfaces.Parse(Text));
    }

    [Fact]
    public void Lines_that_are_none_are_passed_over() => Assert.Empty(NetworkInterfaces.Parse("a\nb\nno colon\nx: 1 2\n"));

    [Fact]
    public void The_hosts_own_are_there() => Assert.Contains(NetworkInterfaces.ReadOwn(), i => i.Name == "lo");
}
