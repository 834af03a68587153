using ShimRuntime.Cli.Swapping;
using ShimRuntime.Cri.HotSwap.V1;
using Xunit;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Cli.Tests;

public class SwapArgumentsTests
{
    [Theory]
    [InlineData("notify", Kind.Notify, 0, "", 0)]
    [InlineData("tcp:8080", Kind.Tcp, 8080, "", 0)]
    [InlineData("http:80", Kind.Http, 80, "/", 0)]
    [InlineData("http:80/a/b", Kind.Http, 80, "/a/b", 0)]
    [InlineData("delay:1.5", Kind.Delay, 0, "", 1500)]
    public void Readiness_is_one_word(string text, Kind kind, int port, string path, long period)
    {
        var ready = SwapArguments.ReadinessOf(text);
        Assert.Equal((kind, (uint)port, path, period), (ready.Kind, ready.Port, ready.Path, ready.PeriodMilliseconds));
    }

    [Fact]
    public void A_command_is_a_shells() => Assert.Equal(["/bin/sh", "-c", "test -e /a:b"], SwapArguments.ReadinessOf("exec:test -e /a:b").Command);

    [Theory]
    [InlineData("")]
    [InlineData("tcp")]
    [InlineData("tcp:0")]
    [InlineData("tcp:70000")]
    [InlineData("delay:4000")]
    [InlineData("delay:-1")]
    [InlineData("exec:")]
    [InlineData("notify:1")]
    public void What_is_no_readiness_is_refused(string text) => Assert.Throws<UsageException>(() => SwapArguments.ReadinessOf(text));

    [Fact]
    public void A_phase_is_a_line_with_its_times()
    {
        var output = new StringWriter();
        var display = new SwapDisplay(output);
        display.Show(new SwapEvent { Phase = Phase.Prepare, AtNanos = 1_000_000_000, Generation = 1, NewGeneration = 2 });
        display.Show(new SwapEvent { Phase = Phase.Create, AtNanos = 1_250_000_000, Generation = 1, NewGeneration = 2 });
        display.Show(new SwapEvent { Phase = Phase.Done, AtNanos = 3_000_000_000, Generation = 1, Outcome = Outcome.Undone, Cause = "a\u001bb" });
        Assert.Equal(
            """
                0.000 s  PREPARE    generation 1 serves
                0.250 s  CREATE     generation 2 is made  (+0.250)
                2.000 s  DONE       undone: generation 1 served all the time  (+1.750)  a?b

            """,
            output.ToString());
    }
}
