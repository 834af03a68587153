using System.Collections.Immutable;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>CRI's LinuxContainerResources in a form that record.json can hold. 0 and empty mean: not asked for.</summary>
public sealed record ResourcesRecord
{
    public long CpuPeriodMicroseconds { get; init; }

    public long CpuQuotaMicroseconds { get; init; }

    public long CpuShares { get; init; }

    public long MemoryLimitBytes { get; init; }

    /// <summary>Memory and swap together, as in OCI.</summary>
    public long MemorySwapLimitBytes { get; init; }

    public long OomScoreAdj { get; init; }

    public string CpusetCpus { get; init; } = "";

    public string CpusetMems { get; init; } = "";

    /// <summary>Page size such as 2MB to bytes.</summary>
    public ImmutableSortedDictionary<string, ulong> HugepageLimits { get; init; } = ImmutableSortedDictionary<string, ulong>.Empty;

    /// <summary>cgroup v2 file to value.</summary>
    public ImmutableSortedDictionary<string, string> Unified { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    public static ResourcesRecord From(LinuxContainerResources? asked)
    {
        if (asked is null) return new ResourcesRecord();
        return new ResourcesRecord
        {
            CpuPeriodMicroseconds = asked.CpuPeriod,
            CpuQuotaMicroseconds = asked.CpuQuota,
            CpuShares = asked.CpuShares,
            MemoryLimitBytes = asked.MemoryLimitInBytes,
            MemorySwapLimitBytes = asked.MemorySwapLimitInBytes,
            OomScoreAdj = asked.OomScoreAdj,
            CpusetCpus = asked.CpusetCpus,
            CpusetMems = asked.CpusetMems,
            HugepageLimits = ToPageSizes(asked.HugepageLimits),
            Unified = asked.Unified.ToImmutableSortedDictionary(),
        };
    }

    public LinuxContainerResources ToCri() => new()
    {
        CpuPeriod = CpuPeriodMicroseconds,
        CpuQuota = CpuQuotaMicroseconds,
        CpuShares = CpuShares,
        MemoryLimitInBytes = MemoryLimitBytes,
        MemorySwapLimitInBytes = MemorySwapLimitBytes,
        OomScoreAdj = OomScoreAdj,
        CpusetCpus = CpusetCpus,
        CpusetMems = CpusetMems,
        HugepageLimits = { HugepageLimits.Select(p => new HugepageLimit { PageSize = p.Key, Limit = p.Value }) },
        Unified = { Unified },
    };

    private static ImmutableSortedDictionary<string, ulong> ToPageSizes(IEnumerable<HugepageLimit> limits)
    {
        var sizes = ImmutableSortedDictionary.CreateBuilder<string, ulong>();
        foreach (var limit in limits) sizes[limit.PageSize] = limit.Limit;
        return sizes.ToImmutable();
    }
}
