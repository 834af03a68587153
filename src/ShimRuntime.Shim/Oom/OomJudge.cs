using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Shim.Oom;

/// <summary>
/// Was the init OOM-killed, and by whose limit? Killed iff it died by a SIGKILL that was not ours while the leaf's count of OOM kills
/// rose. The level: the kernel log's own word where it is readable; else the lowest level whose limit was hit since the start; none hit:
/// the machine, as far as the counters exist.
/// </summary>
internal static class OomJudge
{
    private const int SIGKILL = 9;

    /// <param name="init">How it ended, and whether a stop or a sweep of ours had sent SIGKILL.</param>
    /// <param name="limiterInKernelLog">As <see cref="KernelLog.LimiterOfLastKill"/>; asked only when there was a kill.</param>
    public static OomVerdict Decide(
        (ExitCode Exit, bool KilledByUs) init, OomCounters before, OomCounters after, OomLevels levels, Func<string?> limiterInKernelLog)
    {
        var kills = after.KillsSince(before);
        if (init.Exit.Signal != SIGKILL || init.KilledByUs || kills == 0) return new OomVerdict(OomLevel.None, "", kills);
        if (limiterInKernelLog() is { } limiter)
            return limiter.Length == 0 ? new OomVerdict(OomLevel.Machine, "", kills) : new OomVerdict(levels.Of(limiter), limiter, kills);
        foreach (var (cgroup, hits) in after.LimitHits)
        {
            if (hits > HitsBefore(before, cgroup)) return new OomVerdict(levels.Of(cgroup), cgroup, kills);
        }

        return new OomVerdict(after.LimitHits.Count > 0 ? OomLevel.Machine : OomLevel.Unknown, "", kills);
    }

    private static ulong HitsBefore(OomCounters before, string cgroup)
    {
        foreach (var (name, hits) in before.LimitHits)
        {
            if (name == cgroup) return hits;
        }

        return 0;
    }
}
