using ShimRuntime.Linux;
using ShimRuntime.Shim.Oom;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Upgrades;

/// <summary>Records of the shim as messages of proto/shim/v1/state.proto, and back.</summary>
internal static class SavedRecords
{
    public static SavedExit? Save(ExitRecord? exit)
    {
        if (exit is null) return null;
        var saved = new SavedExit
        {
            Generation = exit.Generation,
            Code = exit.Code,
            Signal = exit.Signal,
            Reason = exit.Reason,
            Message = exit.Message,
            StartedAtNanos = exit.StartedAtNanos,
            FinishedAtNanos = exit.FinishedAtNanos,
            OomLevel = (int)exit.Oom.Level,
            OomCgroup = exit.Oom.Cgroup,
            OomKills = exit.Oom.Kills,
            LogDroppedBytes = exit.LogDroppedBytes,
        };
        if (exit.Memory.UsageBytes is { } usage) saved.UsageBytes = usage;
        if (exit.Memory.PeakBytes is { } peak) saved.PeakBytes = peak;
        if (exit.Memory.LimitBytes is { } limit) saved.LimitBytes = limit;
        return saved;
    }

    public static ExitRecord? Load(SavedExit? saved, string containerId) => saved is null ? null : new ExitRecord
    {
        ContainerId = containerId,
        Generation = saved.Generation,
        Code = saved.Code,
        Signal = saved.Signal,
        Reason = saved.Reason,
        Message = saved.Message,
        StartedAtNanos = saved.StartedAtNanos,
        FinishedAtNanos = saved.FinishedAtNanos,
        Oom = new OomVerdict((OomLevel)saved.OomLevel, saved.OomCgroup, saved.OomKills),
        Memory = new MemorySnapshot(
            saved.HasUsageBytes ? saved.UsageBytes : null, saved.HasPeakBytes ? saved.PeakBytes : null, saved.HasLimitBytes ? saved.LimitBytes : null),
        LogDroppedBytes = saved.LogDroppedBytes,
    };

    public static SavedCounters Save(LeafCounters counters) => new()
    {
        Periods = counters.Periods,
        Throttled = counters.Throttled,
        ThrottledNanos = counters.ThrottledNanos,
        MemoryLimitHits = counters.MemoryLimitHits,
        OomKills = counters.OomKills,
    };

    public static LeafCounters Load(SavedCounters? saved) => saved is null
        ? default
        : new LeafCounters(saved.Periods, saved.Throttled, saved.ThrottledNanos, saved.MemoryLimitHits, saved.OomKills);

    public static SavedOom Save(OomCounters counters)
    {
        var saved = new SavedOom { TreeKills = counters.TreeKills };
        if (counters.LeafKills is { } kills) saved.LeafKills = kills;
        foreach (var (cgroup, hits) in counters.LimitHits) saved.Hits.Add(new SavedHits { Cgroup = cgroup, Hits = hits });
        return saved;
    }

    public static OomCounters Load(SavedOom saved)
    {
        List<(string, ulong)> hits = [];
        foreach (var hit in saved.Hits) hits.Add((hit.Cgroup, hit.Hits));
        return new OomCounters(saved.HasLeafKills ? saved.LeafKills : null, saved.TreeKills, hits);
    }

    public static SavedExitCode Save(ExitCode exit) => new() { Code = exit.Code, Signal = exit.Signal };

    public static ExitCode Load(SavedExitCode saved) => new(saved.Code, saved.Signal);
}
