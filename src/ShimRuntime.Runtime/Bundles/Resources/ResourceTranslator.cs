using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimHugepageLimit = ShimRuntime.ShimProtocol.V1.HugepageLimit;
using ShimResources = ShimRuntime.ShimProtocol.V1.Resources;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// CRI's resources to the runtime-spec's (config.json) and to the shim's (launch and Update), by one rule: what is 0 or empty is not asked
/// for. A memory limit without a swap limit allows no swap, where the kernel can count it.
/// </summary>
public static class ResourceTranslator
{
    /// <summary>Refuses what this node or any node can't do; InvalidArgument and FailedPrecondition name the field.</summary>
    /// <param name="failure">What fails, such as "failed to update container 'abc'".</param>
    public static void Validate(LinuxContainerResources asked, HostFacts host, string failure) =>
        ResourceChecks.Check(asked, host, failure);

    /// <summary>
    /// What holds after <paramref name="change"/>: its fields that are set, the rest as <paramref name="inForce"/>. oom_score_adj is a
    /// process's and never changes after the start. Neither argument is changed.
    /// </summary>
    public static LinuxContainerResources Merge(LinuxContainerResources inForce, LinuxContainerResources change)
    {
        var merged = inForce.Clone();
        if (change.CpuPeriod != 0) merged.CpuPeriod = change.CpuPeriod;
        if (change.CpuQuota != 0) merged.CpuQuota = change.CpuQuota;
        if (change.CpuShares != 0) merged.CpuShares = change.CpuShares;
        if (change.MemoryLimitInBytes != 0) merged.MemoryLimitInBytes = change.MemoryLimitInBytes;
        if (change.MemorySwapLimitInBytes != 0) merged.MemorySwapLimitInBytes = change.MemorySwapLimitInBytes;
        if (change.CpusetCpus.Length > 0) merged.CpusetCpus = change.CpusetCpus;
        if (change.CpusetMems.Length > 0) merged.CpusetMems = change.CpusetMems;
        foreach (var (file, value) in change.Unified) merged.Unified[file] = value;
        foreach (var limit in change.HugepageLimits)
        {
            var old = merged.HugepageLimits.FirstOrDefault(l => l.PageSize == limit.PageSize);
            if (old is null) merged.HugepageLimits.Add(limit.Clone());
            else old.Limit = limit.Limit;
        }

        return merged;
    }

    /// <summary>
    /// A change that takes <paramref name="wanted"/> back to <paramref name="present"/>: what had no limit gets "none" or the kernel's
    /// default. A cpuset that was not set has no word for it and stays.
    /// </summary>
    public static LinuxContainerResources Undo(LinuxContainerResources present, LinuxContainerResources wanted)
    {
        var undo = present.Clone();
        if (present.MemoryLimitInBytes == 0 && wanted.MemoryLimitInBytes != 0) undo.MemoryLimitInBytes = undo.MemorySwapLimitInBytes = -1;
        if (present.CpuQuota == 0 && wanted.CpuQuota != 0) undo.CpuQuota = -1;
        if (present.CpuShares == 0 && wanted.CpuShares != 0) undo.CpuShares = CpuWeight.ToShares(CpuWeight.Default);
        foreach (var file in wanted.Unified.Keys.Except(present.Unified.Keys))
        {
            var isCeiling = file.EndsWith(".max", StringComparison.Ordinal) || file.EndsWith(".high", StringComparison.Ordinal);
            undo.Unified[file] = isCeiling ? "max" : "0";
        }

        return undo;
    }

    /// <summary>linux.resources without the device rules; null members: not asked for.</summary>
    public static LinuxResources ToSpec(LinuxContainerResources asked, HostFacts host)
    {
        var swap = Swap(asked, host);
        var hugepages = Hugepages(asked, host).Select(l => new HugepageLimitSpec { PageSize = l.PageSize, Limit = l.Limit }).ToList();
        return new LinuxResources
        {
            Memory = asked.MemoryLimitInBytes == 0 && swap == 0
                ? null
                : new MemoryLimits { Limit = Unless0(asked.MemoryLimitInBytes), Swap = Unless0(swap) },
            Cpu = ToCpu(asked),
            HugepageLimits = hugepages.Count > 0 ? hugepages : null,
            Unified = asked.Unified.Count > 0 ? new SortedDictionary<string, string>(asked.Unified, StringComparer.Ordinal) : null,
        };
    }

    /// <summary>The same for the shim, which writes them to the container cgroup and its leaf.</summary>
    public static ShimResources ToShim(LinuxContainerResources asked, HostFacts host)
    {
        var swap = Swap(asked, host);
        return new ShimResources
        {
            CpuShares = asked.CpuShares,
            CpuQuotaMicroseconds = asked.CpuQuota,
            CpuPeriodMicroseconds = asked.CpuPeriod,
            CpusetCpus = asked.CpusetCpus,
            CpusetMems = asked.CpusetMems,
            MemoryLimitBytes = asked.MemoryLimitInBytes,
            MemorySwapLimitBytes = swap,
            MemorySwapSet = swap != 0,
            HugepageLimits = { Hugepages(asked, host).Select(l => new ShimHugepageLimit { PageSize = l.PageSize, LimitBytes = l.Limit }) },
            Unified = { asked.Unified },
        };
    }

    /// <summary>
    /// What a shim says is in force, as a request for it would be. The swap limit that follows from a memory limit is left out:
    /// <see cref="ToShim"/> makes it again.
    /// </summary>
    public static LinuxContainerResources FromShim(ShimResources inForce) => new()
    {
        CpuShares = inForce.CpuShares,
        CpuQuota = inForce.CpuQuotaMicroseconds,
        CpuPeriod = inForce.CpuPeriodMicroseconds,
        CpusetCpus = inForce.CpusetCpus,
        CpusetMems = inForce.CpusetMems,
        MemoryLimitInBytes = inForce.MemoryLimitBytes,
        MemorySwapLimitInBytes = inForce.MemorySwapLimitBytes == inForce.MemoryLimitBytes ? 0 : inForce.MemorySwapLimitBytes,
        HugepageLimits = { inForce.HugepageLimits.Select(l => new HugepageLimit { PageSize = l.PageSize, Limit = l.LimitBytes }) },
        Unified = { inForce.Unified },
    };

    /// <summary>oom_score_adj that the process really gets: never below what this node may set.</summary>
    public static int OomScoreAdj(LinuxContainerResources asked, HostFacts host) => (int)Math.Max(asked.OomScoreAdj, host.OomScoreAdjFloor);

    private static CpuLimits? ToCpu(LinuxContainerResources asked)
    {
        var cpu = new CpuLimits
        {
            Shares = (ulong?)Unless0(asked.CpuShares),
            Quota = Unless0(asked.CpuQuota),
            Period = (ulong?)Unless0(asked.CpuPeriod),
            Cpus = asked.CpusetCpus.Length > 0 ? asked.CpusetCpus : null,
            Mems = asked.CpusetMems.Length > 0 ? asked.CpusetMems : null,
        };
        return cpu == new CpuLimits() ? null : cpu;
    }

    private static long Swap(LinuxContainerResources asked, HostFacts host)
    {
        if (!host.SwapLimits) return 0;
        return asked.MemorySwapLimitInBytes != 0 ? asked.MemorySwapLimitInBytes : asked.MemoryLimitInBytes;
    }

    private static IEnumerable<HugepageLimit> Hugepages(LinuxContainerResources asked, HostFacts host) =>
        asked.HugepageLimits.Where(l => host.HugepageSizes.Contains(l.PageSize)).OrderBy(l => l.PageSize, StringComparer.Ordinal);

    private static long? Unless0(long value) => value == 0 ? null : value;
}
