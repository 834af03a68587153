using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>LinuxContainerResources that no kernel would take, refused before anything is changed. Bounds are the kernel's own (cgroup-v1, cgroup-v2.rst, proc(5)).</summary>
public static class ResourceChecks
{
    private const long MinPeriodMicroseconds = 1_000;
    private const long MaxPeriodMicroseconds = 1_000_000;
    private const long MinQuotaMicroseconds = 1_000;
    private const int MaxOomScore = 1_000;

    /// <exception cref="RuntimeFault">InvalidArgument.</exception>
    public static void Check(string verb, LinuxContainerResources? resources)
    {
        if (resources is null) return;
        if (resources.CpuShares < 0) throw Bad("cpu_shares", resources.CpuShares, "0 or more");
        if (resources.CpuPeriod is not 0 and (< MinPeriodMicroseconds or > MaxPeriodMicroseconds)) throw Bad("cpu_period", resources.CpuPeriod, "1000 to 1000000 µs");
        if (resources.CpuQuota is < -1 or (> 0 and < MinQuotaMicroseconds)) throw Bad("cpu_quota", resources.CpuQuota, "-1 (none), or 1000 µs and more");
        if (resources.MemoryLimitInBytes < -1) throw Bad("memory_limit_in_bytes", resources.MemoryLimitInBytes, "-1 (none) or more");
        CheckSwap(resources);
        if (resources.OomScoreAdj is < -MaxOomScore or > MaxOomScore) throw Bad("oom_score_adj", resources.OomScoreAdj, "-1000 to 1000");
        CheckCpuset("cpuset_cpus", resources.CpusetCpus);
        CheckCpuset("cpuset_mems", resources.CpusetMems);
        foreach (var file in resources.Unified.Keys)
        {
            if (file.Length == 0 || file.AsSpan().ContainsAny('/', '\0', '\n') || !file.Contains('.'))
            {
                throw RuntimeFault.InvalidArgument($"failed to {verb}: unified key '{file}' names no control file");
            }
        }

        void CheckSwap(LinuxContainerResources r)
        {
            if (r.MemorySwapLimitInBytes < -1) throw Bad("memory_swap_limit_in_bytes", r.MemorySwapLimitInBytes, "-1 (none) or more");
            if (r.MemorySwapLimitInBytes > 0 && r.MemoryLimitInBytes > 0 && r.MemorySwapLimitInBytes < r.MemoryLimitInBytes)
            {
                throw Bad("memory_swap_limit_in_bytes", r.MemorySwapLimitInBytes, "memory_limit_in_bytes or more, because it counts memory and swap");
            }
        }

        void CheckCpuset(string name, string list)
        {
            if (list.Any(c => !char.IsAsciiDigit(c) && c is not (',' or '-'))) throw RuntimeFault.InvalidArgument($"failed to {verb}: {name} '{list}' is no list such as 0-2,7");
        }

        RuntimeFault Bad(string name, long value, string allowed) =>
            RuntimeFault.InvalidArgument($"failed to {verb}: {name} is {value}; allowed is {allowed}");
    }
}
