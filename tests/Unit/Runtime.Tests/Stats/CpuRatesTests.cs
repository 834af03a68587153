using ShimRuntime.Runtime.Stats;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Stats;

public class CpuRatesTests
{
    private const long Second = 1_000_000_000;
    private readonly CpuRates _rates = new();

    [Fact]
    public void Before_the_first_sample_it_is_counted_from_the_start() =>
        Assert.Equal(250_000_000UL, _rates.Of("a", 14 * Second, Second, 4 * Second));

    [Fact]
    public void Later_it_is_counted_from_the_last_sample_whatever_the_start_was()
    {
        _rates.Keep("a", 10 * Second, 100);
        Assert.Equal(500_000_000UL, _rates.Of("a", 20 * Second, 100 + (5 * (ulong)Second), 9000 * Second));
        _rates.Keep("a", 20 * Second, 100 + (5 * (ulong)Second));
        Assert.Equal(0UL, _rates.Of("a", 30 * Second, 100 + (5 * (ulong)Second), 9000 * Second));
    }

    [Fact]
    public void A_sample_that_is_too_fresh_to_divide_by_gives_way_to_the_one_before()
    {
        _rates.Keep("a", 10 * Second, 0);
        _rates.Keep("a", 20 * Second, 10 * (ulong)Second);
        var quick = _rates.Of("a", (20 * Second) + 1000, 10 * (ulong)Second, 9000 * Second);
        Assert.InRange(quick, 999_000_000UL, 1_000_000_000UL);
    }

    [Fact]
    public void Clients_that_ask_at_any_intervals_get_the_same_rate_and_spoil_nobodys()
    {
        // A core half busy, a sample each ten seconds; one client asks every tenth of a second, one every 3.7 s, one once.
        static ulong Used(long at) => (ulong)at / 2;
        for (var at = Second / 10; at <= 60 * Second; at += Second / 10)
        {
            if (at % (10 * Second) == 0) _rates.Keep("a", at, Used(at));
            Assert.Equal(500_000_000UL, _rates.Of("a", at, Used(at), at));
            if (at % (37 * Second / 10) == 0) Assert.Equal(500_000_000UL, _rates.Of("a", at, Used(at), at));
        }

        Assert.Equal(500_000_000UL, _rates.Of("a", 65 * Second, Used(65 * Second), 65 * Second));
    }

    [Fact]
    public void No_time_or_a_counter_that_fell_is_no_load()
    {
        Assert.Equal(0UL, _rates.Of("a", 5, 0, 0));
        _rates.Keep("b", 10 * Second, 100);
        Assert.Equal(0UL, _rates.Of("b", 20 * Second, 50, 0));
    }

    [Fact]
    public void What_is_gone_is_forgotten()
    {
        _rates.Keep("a", 10 * Second, 0);
        _rates.Forget(_ => false);
        Assert.Equal(1_000_000_000UL, _rates.Of("a", 20 * Second, 5 * (ulong)Second, 5 * Second));
    }
}
