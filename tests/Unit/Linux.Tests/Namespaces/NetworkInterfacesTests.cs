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
    public void Bytes_packets_errors_and_drops_of_both_directions_are_read()
    {
        Assert.Equal(
            [
                new InterfaceCounters("lo", new LinkCounters(1234, 10, 0, 0), new LinkCounters(1234, 10, 0, 0)),
                new InterfaceCounters("eth0", new LinkCounters(ulong.MaxValue, 20, 3, 4), new LinkCounters(777, 10, 5, 6)),
            ],
            NetworkInterfaces.Parse(System.Text.Encoding.ASCII.GetBytes(Text)));
    }

    [Fact]
    public void Lines_that_are_none_are_passed_over() => Assert.Empty(NetworkInterfaces.Parse("a\nb\nno colon\nx: 1 2\n"u8));

    [Fact]
    public void The_hosts_own_are_there() => Assert.Contains(NetworkInterfaces.ReadOwn(), i => i.Name == "lo");
}
