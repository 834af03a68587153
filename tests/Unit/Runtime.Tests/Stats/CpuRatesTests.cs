using ShimRuntime.Runtime.Stats;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Stats;

public class CpuRatesTests
{
    private const long Second = 1_000_000_000;
    private readonly CpuRates _rates = new();

    [Fact]
    public void The_first_rate_is_since_the_start() => Assert.Equal(250_000_000UL, _rates.Next("a", 14 * Second, Second, 10 * Second));

    [Fact]
    public void Later_ones_are_between_samples()
    {
        _rates.Next("a", 10 * Second, 100, 0);
        Assert.Equal(500_000_000UL, _rates.Next("a", 20 * Second, 100 + (5 * (ulong)Second), 0));
        Assert.Equal(0UL, _rates.Next("a", 30 * Second, 100 + (5 * (ulong)Second), 0));
    }

    [Fact]
    public void A_quick_second_question_is_answered_from_a_base_a_second_old()
    {
        _rates.Next("a", 10 * Second, 0, 0);
        _rates.Next("a", 20 * Second, 10 * (ulong)Second, 0); // base 10 s, latest 20 s
        var quick = _rates.Next("a", (20 * Second) + 1000, 10 * (ulong)Second, 0);
        Assert.InRange(quick!.Value, 999_000_000UL, 1_000_000_000UL);
    }

    [Fact]
    public void Two_clients_do_not_spoil_each_others_rate()
    {
        ulong? rate = null;
        for (var tenth = 1; tenth <= 100; tenth++) rate = _rates.Next("a", tenth * Second / 10, (ulong)(tenth * Second / 20), 0);
        Assert.Equal(500_000_000UL, rate);
    }

    [Fact]
    public void No_time_or_a_counter_that_fell_gives_no_rate()
    {
        Assert.Null(_rates.Next("a", 5, 1, 5));
        _rates.Next("b", 10 * Second, 100, 0);
        Assert.Null(_rates.Next("b", 20 * Second, 50, 0));
    }

    [Fact]
    public void What_is_gone_is_forgotten()
    {
        _rates.Next("a", 10 * Second, 0, 0);
        _rates.Keep(new HashSet<string>());
        Assert.Equal(1_000_000_000UL, _rates.Next("a", 20 * Second, 10 * (ulong)Second, 10 * Second));
    }
}
