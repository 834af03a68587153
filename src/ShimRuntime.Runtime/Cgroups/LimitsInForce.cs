using System.Globalization;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// A container's limits as its cgroup has them now, in CRI's terms. Where the kernel keeps a value in other terms (pages, cpu.weight) and
/// it is what was asked for, the number asked for is shown: kubelet compares the two. What no file tells is as recorded.
/// </summary>
internal sealed class LimitsInForce(CgroupHierarchy hierarchy)
{
    private const ulong NoLimit = long.MaxValue & ~0xffffUL; // v1 says "none" by the largest page-aligned number

    /// <param name="recorded">What was asked for; not changed.</param>
    public LinuxContainerResources Read(string cgroup, LinuxContainerResources recorded)
    {
        var found = recorded.Clone();
        ReadCpu(cgroup, recorded, found);
        ReadMemory(cgroup, recorded, found);
        found.CpusetCpus = Cpuset(cgroup, "cpuset.cpus", recorded.CpusetCpus);
        found.CpusetMems = Cpuset(cgroup, "cpuset.mems", recorded.CpusetMems);
        var suffix = hierarchy.IsV2 ? "max" : "limit_in_bytes";
        foreach (var limit in found.HugepageLimits)
            limit.Limit = Number("hugetlb", cgroup, $"hugetlb.{limit.PageSize}.{suffix}") ?? limit.Limit;
        // oom.group is the leaf's alone, and never the container cgroup's.
        foreach (var (file, value) in recorded.Unified.Where(f => f.Key != "memory.oom.group"))
            found.Unified[file] = Text("", cgroup, file) ?? value;
        return found;
    }

    private void ReadCpu(string cgroup, LinuxContainerResources recorded, LinuxContainerResources found)
    {
        if (!hierarchy.IsV2)
        {
            found.CpuShares = Signed("cpu", cgroup, "cpu.shares") ?? recorded.CpuShares;
            found.CpuPeriod = Signed("cpu", cgroup, "cpu.cfs_period_us") ?? recorded.CpuPeriod;
            found.CpuQuota = Unlimited(Signed("cpu", cgroup, "cpu.cfs_quota_us"), recorded.CpuQuota);
            return;
        }

        if (Signed("cpu", cgroup, "cpu.weight") is { } weight && weight != CpuWeight.OfShares(recorded.CpuShares))
            found.CpuShares = recorded.CpuShares == 0 && weight == CpuWeight.Default ? 0 : CpuWeight.ToShares(weight);
        if (Text("cpu", cgroup, "cpu.max")?.Split(' ') is not [var quota, var period]) return;
        found.CpuPeriod = Parse(period) ?? recorded.CpuPeriod;
        found.CpuQuota = quota == "max" ? Unlimited(-1, recorded.CpuQuota) : Parse(quota) ?? recorded.CpuQuota;
    }

    private void ReadMemory(string cgroup, LinuxContainerResources recorded, LinuxContainerResources found)
    {
        var memory = Number("memory", cgroup, hierarchy.IsV2 ? "memory.max" : "memory.limit_in_bytes");
        found.MemoryLimitInBytes = Bytes(memory, recorded.MemoryLimitInBytes);
        if (!hierarchy.IsV2)
        {
            if (Number("memory", cgroup, "memory.memsw.limit_in_bytes") is { } both && recorded.MemorySwapLimitInBytes != 0)
                found.MemorySwapLimitInBytes = Bytes(both, recorded.MemorySwapLimitInBytes);
            return;
        }

        // v2 counts swap alone, CRI memory and swap together.
        if (recorded.MemorySwapLimitInBytes == 0 || memory is not { } limit) return;
        if (Number("memory", cgroup, "memory.swap.max") is not { } swap) return;
        var sum = swap >= NoLimit || limit >= NoLimit ? ulong.MaxValue : limit + swap;
        found.MemorySwapLimitInBytes = Bytes(sum, recorded.MemorySwapLimitInBytes);
    }

    /// <summary>The kernel rounds to whole pages.</summary>
    private static long Bytes(ulong? file, long recorded)
    {
        if (file is not { } bytes) return recorded;
        if (bytes >= NoLimit) return Unlimited(-1, recorded);
        var page = (ulong)Environment.SystemPageSize;
        return recorded > 0 && (ulong)recorded - bytes < page * 2 ? recorded : (long)bytes;
    }

    /// <summary>"No limit" is what 0, never asked for, and -1 both lead to.</summary>
    private static long Unlimited(long? file, long recorded) => file is not { } value ? recorded : value < 0 && recorded == 0 ? 0 : value;

    /// <summary>v1 copies the parent's into every cgroup: one that was never asked for is nobody's wish.</summary>
    private string Cpuset(string cgroup, string file, string recorded) =>
        recorded.Length > 0 && Text("cpuset", cgroup, file) is { Length: > 0 } found ? found : recorded;

    private string? Text(string controller, string cgroup, string file) =>
        hierarchy.PathOf(controller, cgroup) is { } directory ? CgroupFile.TryRead($"{directory}/{file}") : null;

    private ulong? Number(string controller, string cgroup, string file) =>
        hierarchy.PathOf(controller, cgroup) is { } directory ? CgroupFile.TryReadNumber($"{directory}/{file}") : null;

    private long? Signed(string controller, string cgroup, string file) => Parse(Text(controller, cgroup, file));

    private static long? Parse(string? text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
