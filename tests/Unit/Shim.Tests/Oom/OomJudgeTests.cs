using ShimRuntime.Linux;
using ShimRuntime.Shim.Oom;
using ShimRuntime.ShimProtocol;
using Xunit;

namespace ShimRuntime.Shim.Tests.Oom;

public class OomJudgeTests
{
    private const string Leaf = "/kubepods/pod1/abc/g1-abc";
    private static readonly ExitCode Killed = new(137, 9);
    private static readonly string[] Levels = [Leaf, "/kubepods/pod1/abc", "/kubepods/pod1", "/kubepods"];

    [Theory]
    [InlineData(0, OomLevel.Container)]
    [InlineData(1, OomLevel.Container)]
    [InlineData(2, OomLevel.Pod)]
    [InlineData(3, OomLevel.Ancestor)]
    public void The_lowest_level_whose_limit_was_hit_is_blamed(int hit, OomLevel expected)
    {
        var verdict = Decide(Killed, false, 1, hit, null);
        Assert.Equal((expected, Levels[hit], 1UL), (verdict.Level, verdict.Cgroup, verdict.Kills));
    }

    [Fact]
    public void No_limit_hit_means_the_machine() => Assert.Equal(OomLevel.Machine, Decide(Killed, false, 1, -1, null).Level);

    [Fact]
    public void Without_counters_the_level_is_unknown()
    {
        var (before, after) = (new OomCounters(0, 0, []), new OomCounters(1, 1, []));
        Assert.Equal(OomLevel.Unknown, OomJudge.Decide((Killed, false), before, after, new OomLevels(Leaf), () => null).Level);
    }

    [Theory]
    [InlineData("/kubepods/pod1/abc", OomLevel.Container)]
    [InlineData("/outer/kubepods/pod1", OomLevel.Pod)]
    [InlineData("/kubepods", OomLevel.Ancestor)]
    [InlineData("", OomLevel.Machine)]
    public void The_kernel_log_outweighs_the_counters(string limiter, OomLevel expected) =>
        Assert.Equal(expected, Decide(Killed, false, 1, 0, limiter).Level);

    [Fact]
    public void A_child_killed_under_a_surviving_init_is_counted_not_blamed()
    {
        var verdict = Decide(new ExitCode(1, 0), false, 3, 0, null);
        Assert.Equal((OomLevel.None, 3UL), (verdict.Level, verdict.Kills));
        Assert.Empty(verdict.Sentence);
    }

    [Fact]
    public void Our_own_kill_is_no_OOM_kill() => Assert.False(Decide(Killed, true, 1, 0, null).IsOomKilled);

    [Fact]
    public void A_kill_by_somebody_else_is_no_OOM_kill() => Assert.False(Decide(Killed, false, 0, 0, null).IsOomKilled);

    [Fact]
    public void Hits_before_the_start_do_not_count()
    {
        var hits = Levels.Select(l => (l, 5UL)).ToList();
        var verdict = OomJudge.Decide((Killed, false), new OomCounters(0, 0, hits), new OomCounters(1, 1, hits), new OomLevels(Leaf), () => null);
        Assert.Equal(OomLevel.Machine, verdict.Level);
    }

    /// <summary>systemd removes a scope with its last process; the container's slice has counted what happened in it.</summary>
    [Fact]
    public void A_leaf_that_is_gone_is_judged_by_the_container_cgroup()
    {
        var (before, after) = (new OomCounters(null, 2, []), new OomCounters(null, 3, [(Levels[1], 1)]));
        var verdict = OomJudge.Decide((Killed, false), before, after, new OomLevels(Leaf), () => null);
        Assert.Equal((OomLevel.Container, 1UL), (verdict.Level, verdict.Kills));
    }

    private static OomVerdict Decide(ExitCode exit, bool byUs, ulong kills, int hitLevel, string? kernelLog)
    {
        var before = new OomCounters(null, 4, [.. Levels.Skip(1).Select(l => (l, 7UL))]); // the leaf did not exist yet
        var after = new OomCounters(kills, 4 + kills, [.. Levels.Select((l, i) => (l, (i == 0 ? 0UL : 7) + (i == hitLevel ? 2UL : 0)))]);
        return OomJudge.Decide((exit, byUs), before, after, new OomLevels(Leaf), () => kernelLog);
    }
}
