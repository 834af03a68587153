using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// The limits of a pod cgroup that is ours: what the containers have together and the pod's overhead. A pod cgroup of kubelet's is
/// kubelet's to write.
/// </summary>
internal static class PodLimits
{
    private const long DefaultPeriodMicroseconds = 100_000;

    /// <summary>The two as one; a part without a limit leaves the sum without.</summary>
    public static LinuxContainerResources Sum(LinuxContainerResources? overhead, LinuxContainerResources? resources)
    {
        if (overhead is null || resources is null) return (overhead ?? resources)?.Clone() ?? new LinuxContainerResources();
        var period = resources.CpuPeriod != 0 ? resources.CpuPeriod : DefaultPeriodMicroseconds;
        return new LinuxContainerResources
        {
            MemoryLimitInBytes = Add(resources.MemoryLimitInBytes, overhead.MemoryLimitInBytes),
            CpuShares = Math.Min(resources.CpuShares + overhead.CpuShares, CpuWeight.MaxShares),
            CpuPeriod = period,
            CpuQuota = Add(resources.CpuQuota, InPeriod(overhead, period)),
        };
    }

    /// <summary>All of them, or the old ones stay.</summary>
    /// <exception cref="RuntimeFault">FailedPrecondition: the kernel refuses a value.</exception>
    public static void Write(CgroupHierarchy hierarchy, string podCgroup, LinuxContainerResources limits)
    {
        var done = new Stack<(string Path, string Old)>();
        try
        {
            foreach (var (controller, file, value) in Files(hierarchy.IsV2, limits))
            {
                if (hierarchy.PathOf(controller, podCgroup) is not { } directory) continue;
                var path = $"{directory}/{file}";
                var old = CgroupFile.Read(path);
                CgroupFile.Write(path, value);
                done.Push((path, old));
            }
        }
        catch (LinuxException e)
        {
            while (done.TryPop(out var step)) CgroupFile.TryWrite(step.Path, step.Old);
            throw RuntimeFault.FailedPrecondition($"failed to limit pod cgroup '{podCgroup}': {e.Message}; all limits are as they were");
        }
    }

    private static IEnumerable<(string Controller, string File, string Value)> Files(bool isV2, LinuxContainerResources limits)
    {
        if (limits.CpuShares > 0)
        {
            yield return isV2
                ? ("cpu", "cpu.weight", $"{CpuWeight.OfShares(limits.CpuShares)}")
                : ("cpu", "cpu.shares", $"{Math.Max(limits.CpuShares, CpuWeight.MinShares)}");
        }

        if (limits.CpuQuota != 0)
        {
            var period = limits.CpuPeriod != 0 ? limits.CpuPeriod : DefaultPeriodMicroseconds;
            if (isV2)
            {
                yield return ("cpu", "cpu.max", $"{(limits.CpuQuota < 0 ? "max" : limits.CpuQuota)} {period}");
            }
            else
            {
                yield return ("cpu", "cpu.cfs_period_us", $"{period}");
                yield return ("cpu", "cpu.cfs_quota_us", $"{limits.CpuQuota}");
            }
        }

        if (limits.MemoryLimitInBytes == 0) yield break;
        yield return isV2
            ? ("memory", "memory.max", limits.MemoryLimitInBytes < 0 ? "max" : $"{limits.MemoryLimitInBytes}")
            : ("memory", "memory.limit_in_bytes", $"{limits.MemoryLimitInBytes}");
    }

    /// <summary>0 is "says nothing" and adds nothing; -1 is "no limit".</summary>
    private static long Add(long a, long b) => a < 0 || b < 0 ? -1 : a == 0 ? 0 : a + b;

    private static long InPeriod(LinuxContainerResources overhead, long period)
    {
        var own = overhead.CpuPeriod != 0 ? overhead.CpuPeriod : DefaultPeriodMicroseconds;
        return overhead.CpuQuota <= 0 ? overhead.CpuQuota : overhead.CpuQuota * period / own;
    }
}
