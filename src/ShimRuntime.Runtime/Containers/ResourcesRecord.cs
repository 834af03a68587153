using System.Collections.Immutable;
using ShimRuntime.Cri.V1;
using ShimResources = ShimRuntime.ShimProtocol.V1.Resources;

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

    /// <summary>This with every field that <paramref name="change"/> sets.</summary>
    public ResourcesRecord With(ResourcesRecord change) => this with
    {
        CpuPeriodMicroseconds = Changed(change.CpuPeriodMicroseconds, CpuPeriodMicroseconds),
        CpuQuotaMicroseconds = Changed(change.CpuQuotaMicroseconds, CpuQuotaMicroseconds),
        CpuShares = Changed(change.CpuShares, CpuShares),
        MemoryLimitBytes = Changed(change.MemoryLimitBytes, MemoryLimitBytes),
        MemorySwapLimitBytes = Changed(change.MemorySwapLimitBytes, MemorySwapLimitBytes),
        CpusetCpus = change.CpusetCpus.Length > 0 ? change.CpusetCpus : CpusetCpus,
        CpusetMems = change.CpusetMems.Length > 0 ? change.CpusetMems : CpusetMems,
        HugepageLimits = HugepageLimits.SetItems(change.HugepageLimits),
        Unified = Unified.SetItems(change.Unified),
    };

    /// <summary>This with what the shim says is in force; what it is silent about stays.</summary>
    public ResourcesRecord InForce(ShimResources shim) => With(new ResourcesRecord
    {
        CpuPeriodMicroseconds = shim.CpuPeriodMicroseconds,
        CpuQuotaMicroseconds = shim.CpuQuotaMicroseconds,
        CpuShares = shim.CpuShares,
        MemoryLimitBytes = shim.MemoryLimitBytes,
        MemorySwapLimitBytes = shim.MemorySwapLimitBytes,
        CpusetCpus = shim.CpusetCpus,
        CpusetMems = shim.CpusetMems,
    });

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

    public ShimResources ToShim() => new()
    {
        CpuPeriodMicroseconds = CpuPeriodMicroseconds,
        CpuQuotaMicroseconds = CpuQuotaMicroseconds,
        CpuShares = CpuShares,
        MemoryLimitBytes = MemoryLimitBytes,
        MemorySwapLimitBytes = MemorySwapLimitBytes,
        MemorySwapSet = MemorySwapLimitBytes != 0,
        CpusetCpus = CpusetCpus,
        CpusetMems = CpusetMems,
        HugepageLimits =
        {
            HugepageLimits.Select(p => new ShimRuntime.ShimProtocol.V1.HugepageLimit { PageSize = p.Key, LimitBytes = p.Value }),
        },
        Unified = { Unified },
    };

    private static long Changed(long change, long old) => change != 0 ? change : old;

    private static ImmutableSortedDictionary<string, ulong> ToPageSizes(IEnumerable<HugepageLimit> limits)
    {
        var sizes = ImmutableSortedDictionary.CreateBuilder<string, ulong>();
        foreach (var limit in limits) sizes[limit.PageSize] = limit.Limit;
        return sizes.ToImmutable();
    }
}
