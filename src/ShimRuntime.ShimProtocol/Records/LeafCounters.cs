using System.Text.Json;

namespace ShimRuntime.ShimProtocol;

/// <summary>What the kernel counts on a leaf cgroup alone, so that it would be lost with it. Sums over ended generations keep totals from falling.</summary>
/// <param name="Periods">nr_periods of cpu.stat.</param>
/// <param name="Throttled">nr_throttled.</param>
/// <param name="ThrottledNanos">throttled_usec, or v1's throttled_time.</param>
/// <param name="MemoryLimitHits">v1 alone: memory.failcnt and memory.memsw.failcnt.</param>
/// <param name="OomKills">v1 alone: oom_kill of memory.oom_control. (v2 counts both on the way up.)</param>
public readonly record struct LeafCounters(ulong Periods, ulong Throttled, ulong ThrottledNanos, ulong MemoryLimitHits, ulong OomKills)
{
    public LeafCounters Plus(LeafCounters other) => new(
        Periods + other.Periods, Throttled + other.Throttled, ThrottledNanos + other.ThrottledNanos, MemoryLimitHits + other.MemoryLimitHits,
        OomKills + other.OomKills);

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("endedLeaves");
        json.WriteNumber("periods", Periods);
        json.WriteNumber("throttled", Throttled);
        json.WriteNumber("throttledNanos", ThrottledNanos);
        json.WriteNumber("memoryLimitHits", MemoryLimitHits);
        json.WriteNumber("oomKills", OomKills);
        json.WriteEndObject();
    }

    internal static LeafCounters Read(JsonElement from) => new(
        from.GetProperty("periods").GetUInt64(), from.GetProperty("throttled").GetUInt64(), from.GetProperty("throttledNanos").GetUInt64(),
        from.GetProperty("memoryLimitHits").GetUInt64(), from.GetProperty("oomKills").GetUInt64());
}
