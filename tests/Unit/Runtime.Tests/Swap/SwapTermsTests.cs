using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Runtime.Swap;
using Xunit;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Runtime.Tests.Swap;

public class SwapTermsTests
{
    private static readonly HotSwapPolicy All = new() { Allow = ["*"] };

    [Fact]
    public void What_is_left_open_has_a_default()
    {
        var terms = SwapTerms.Of(new SwapRequest(), null);
        Assert.Equal((Level.L0, Rootfs.Unspecified, Kind.Delay), (terms.Level, terms.Rootfs, terms.Ready.Kind));
        Assert.Equal((1000L, 60_000L, 1u), (terms.Ready.PeriodMilliseconds, terms.Ready.TimeoutMilliseconds, terms.Ready.Successes));
        Assert.Equal((0, 10_000L, 10_000L, false), (terms.DrainSignal, terms.DrainMilliseconds, terms.ProbationMilliseconds, terms.KeepsNew));
        Assert.Equal(32, terms.RequestId.Length);
    }

    [Fact]
    public void Annotations_are_defaults_and_the_request_wins()
    {
        var optIn = SwapAnnotations.Read(
            [new("hotswap.shimruntime.io/ready", "http:8080/healthz"), new("hotswap.shimruntime.io/drain", "2.5"), new("hotswap.shimruntime.io/probation", "0")], "web", All);
        var terms = SwapTerms.Of(new SwapRequest { Drain = new Drain { Signal = 2 } }, optIn);
        Assert.Equal((Kind.Http, 8080u, "/healthz"), (terms.Ready.Kind, terms.Ready.Port, terms.Ready.Path));
        Assert.Equal((2, 2500L, 0L), (terms.DrainSignal, terms.DrainMilliseconds, terms.ProbationMilliseconds));
        var asked = new SwapRequest { Ready = new Readiness { Kind = Kind.Notify }, ProbationMilliseconds = 7, Drain = new Drain { TimeoutMilliseconds = 0 } };
        terms = SwapTerms.Of(asked, optIn);
        Assert.Equal((Kind.Notify, 0L, 7L), (terms.Ready.Kind, terms.DrainMilliseconds, terms.ProbationMilliseconds));
    }

    [Theory]
    [InlineData("level", "L9", "no level")]
    [InlineData("ready", "tcp:0", "no port")]
    [InlineData("ready", "ftp:21", "none of notify")]
    [InlineData("ready", "notify:1", "none of notify")]
    [InlineData("drain", "-1", "number of seconds")]
    [InlineData("probation", "4000", "number of seconds")]
    [InlineData("rootfs", "new", "neither keep nor fresh")]
    [InlineData("sockets", "8080", "unknown key")]
    public void An_annotation_that_means_nothing_is_said_so(string key, string value, string words)
    {
        var optIn = SwapAnnotations.Read([new($"hotswap.shimruntime.io/{key}", value)], "web", All)!;
        Assert.Empty(optIn.Settings);
        Assert.Contains(words, optIn.Ignored[key], StringComparison.Ordinal);
    }

    [Fact]
    public void Annotations_are_honoured_where_the_node_names_them_and_of_this_container()
    {
        KeyValuePair<string, string>[] pod =
        [
            new("hotswap.shimruntime.io/drain.web", "3"), new("hotswap.shimruntime.io/drain", "2"), new("hotswap.shimruntime.io/drain.db", "9"),
            new("hotswap.shimruntime.io/ready", "notify"), new("other", "x"),
        ];
        var optIn = SwapAnnotations.Read(pod, "web", new HotSwapPolicy { Allow = ["drain"] })!;
        Assert.Equal([new("drain", "3")], optIn.Settings);
        Assert.Equal(["ready"], optIn.Ignored.Keys);
        Assert.Null(SwapAnnotations.Read([new("other", "x")], "web", All));
    }
}
