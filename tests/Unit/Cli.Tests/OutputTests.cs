using ShimRuntime.Cli.Output;
using Xunit;

namespace ShimRuntime.Cli.Tests;

public class OutputTests
{
    [Theory]
    [InlineData(0UL, "0 B")]
    [InlineData(1023UL, "1023 B")]
    [InlineData(1536UL, "1.5 KiB")]
    [InlineData(5UL << 30, "5.0 GiB")]
    public void Bytes_are_binary(ulong bytes, string text) => Assert.Equal(text, Units.Bytes(bytes));

    [Fact]
    public void Ages_use_the_largest_unit()
    {
        var now = DateTimeOffset.UnixEpoch.AddDays(10);
        Assert.Equal("10d", Units.Age(1, now));
        Assert.Equal("-", Units.Age(0, now));
        Assert.Equal("59s", Units.Age(Nanos(now.AddSeconds(-59)), now));
        Assert.Equal("3h", Units.Age(Nanos(now.AddHours(-3)), now));
    }

    [Fact]
    public void Control_characters_do_not_reach_the_terminal() => Assert.Equal("a?[31mb", TextTable.Printable("a\x1b[31mb"));

    [Fact]
    public void Short_ids_drop_the_algorithm() => Assert.Equal("0123456789abc", Units.ShortId("sha256:0123456789abcdef"));

    private static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;
}
