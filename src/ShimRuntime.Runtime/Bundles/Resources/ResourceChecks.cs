using System.Globalization;
using System.Text.RegularExpressions;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>What a kernel would refuse later is refused now, with the field's name. 0 and empty mean: not asked for.</summary>
internal static partial class ResourceChecks
{
    private const long MinPeriodMicroseconds = 1_000; // kernel/sched/core.c: min_cfs_quota_period
    private const long MaxPeriodMicroseconds = 1_000_000;
    private const long MinQuotaMicroseconds = 1_000;
    private const long MaxShares = 262_144; // kernel/sched: MAX_SHARES
    private const int MaxUnifiedEntries = 128;

    /// <param name="failure">What fails, such as "failed to update container 'abc'".</param>
    public static void Check(LinuxContainerResources asked, HostFacts host, string failure)
    {
        var refuse = new Refuse(failure);
        CheckCpu(asked, host, refuse);
        CheckMemory(asked, refuse);
        CheckHugepages(asked, host, refuse);
        CheckUnified(asked, host, refuse);
        if (asked.OomScoreAdj is < -1000 or > 1000)
        {
            throw refuse.Invalid("oom_score_adj", $"{asked.OomScoreAdj} is not between -1000 and 1000");
        }
    }

    private static void CheckCpu(LinuxContainerResources asked, HostFacts host, Refuse refuse)
    {
        if (asked.CpuPeriod != 0 && asked.CpuPeriod is < MinPeriodMicroseconds or > MaxPeriodMicroseconds)
        {
            throw refuse.Invalid(
                "cpu_period", $"{asked.CpuPeriod} is not between {MinPeriodMicroseconds} and {MaxPeriodMicroseconds} microseconds");
        }

        if (asked.CpuQuota is not (0 or -1 or >= MinQuotaMicroseconds))
        {
            throw refuse.Invalid(
                "cpu_quota", $"{asked.CpuQuota} is neither -1 (no limit) nor at least {MinQuotaMicroseconds} microseconds");
        }

        if (asked.CpuShares is not (0 or (>= 2 and <= MaxShares)))
        {
            throw refuse.Invalid("cpu_shares", $"{asked.CpuShares} is not between 2 and {MaxShares}");
        }

        CheckList(asked.CpusetCpus, "cpuset_cpus", host.HighestCpu, refuse);
        CheckList(asked.CpusetMems, "cpuset_mems", host.HighestMemoryNode, refuse);
    }

    // cpuset(7), "List format".
    private static void CheckList(string list, string field, int highest, Refuse refuse)
    {
        if (list.Length == 0) return;
        if (list.Length > 4096 || !ListFormat().IsMatch(list))
        {
            throw refuse.Invalid(field, $"'{ContainerPath.Show(list)}' is not a list such as 0-3,6");
        }
        if (list.Split('-', ',').Any(n => int.Parse(n, NumberStyles.None, CultureInfo.InvariantCulture) > highest))
        {
            throw refuse.Invalid(field, $"'{list}' goes beyond {highest}, the last one of this node");
        }
    }

    private static void CheckMemory(LinuxContainerResources asked, Refuse refuse)
    {
        var (limit, swap) = (asked.MemoryLimitInBytes, asked.MemorySwapLimitInBytes);
        if (limit < -1) throw refuse.Invalid("memory_limit_in_bytes", $"{limit} is neither -1 (no limit) nor a size");
        if (swap < -1) throw refuse.Invalid("memory_swap_limit_in_bytes", $"{swap} is neither -1 (no limit) nor a size");
        if (swap > 0 && limit <= 0)
        {
            throw refuse.Invalid("memory_swap_limit_in_bytes", "needs memory_limit_in_bytes: it counts memory and swap together");
        }

        if (swap > 0 && swap < limit)
        {
            throw refuse.Invalid(
                "memory_swap_limit_in_bytes", $"{swap} is below memory_limit_in_bytes {limit}: it counts memory and swap together");
        }
    }

    private static void CheckHugepages(LinuxContainerResources asked, HostFacts host, Refuse refuse)
    {
        var seen = new HashSet<string>();
        foreach (var limit in asked.HugepageLimits)
        {
            if (!PageSize().IsMatch(limit.PageSize))
            {
                throw refuse.Invalid(
                    "hugepage_limits.page_size", $"'{ContainerPath.Show(limit.PageSize)}' is not a size such as 2MB or 1GB");
            }

            if (!seen.Add(limit.PageSize)) throw refuse.Invalid("hugepage_limits.page_size", $"'{limit.PageSize}' is given twice");
            // kubelet names every size of the machine with limit 0, also where the controller is missing: nothing to enforce, nothing to refuse.
            if (limit.Limit == 0 || host.HugepageSizes.Contains(limit.PageSize)) continue;
            throw refuse.Impossible(
                "hugepage_limits.page_size", $"'{limit.PageSize}' can't be limited on this node; it can limit: {string.Join(", ", host.HugepageSizes.Order())}");
        }
    }

    private static void CheckUnified(LinuxContainerResources asked, HostFacts host, Refuse refuse)
    {
        if (asked.Unified.Count == 0) return;
        if (host.CgroupVersion != 2) throw refuse.Impossible("unified", "needs cgroup v2, and this node runs cgroup v1");
        if (asked.Unified.Count > MaxUnifiedEntries) throw refuse.Invalid("unified", $"has more than {MaxUnifiedEntries} entries");
        foreach (var (file, value) in asked.Unified)
        {
            // cgroup.* files move and kill processes: they are no limits.
            if (!CgroupFile().IsMatch(file) || file.StartsWith("cgroup.", StringComparison.Ordinal))
            {
                throw refuse.Invalid("unified", $"'{ContainerPath.Show(file)}' is no limit of a cgroup v2 controller, such as memory.high");
            }

            var controller = file[..file.IndexOf('.')];
            if (!host.Controllers.Contains(controller))
            {
                throw refuse.Invalid(
                    "unified", $"'{file}': this node has no controller '{controller}'; it has {string.Join(", ", host.Controllers.Where(c => c.Length > 0).Order())}");
            }

            if (value.Length is 0 or > 4096 || value.Contains('\0'))
            {
                throw refuse.Invalid("unified", $"['{file}'] has an empty or overlong value");
            }

            // It is written when the container starts; a wrong value would show only then.
            if (file == "memory.oom.group" && value is not ("0" or "1"))
            {
                throw refuse.Invalid("unified", $"['{file}'] is '{ContainerPath.Show(value)}', neither 0 nor 1");
            }
        }
    }

    [GeneratedRegex(@"\A[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*\z")]
    private static partial Regex ListFormat();

    [GeneratedRegex(@"\A[1-9][0-9]{0,6}(KB|MB|GB)\z")]
    private static partial Regex PageSize();

    [GeneratedRegex(@"\A[a-z][a-z0-9_]*(\.[A-Za-z0-9_]+)+\z")]
    private static partial Regex CgroupFile();

    private readonly record struct Refuse(string Failure)
    {
        public RuntimeFault Invalid(string field, string cause) =>
            RuntimeFault.InvalidArgument($"{Failure}: linux.resources.{field} {cause}");

        public RuntimeFault Impossible(string field, string cause) =>
            RuntimeFault.FailedPrecondition($"{Failure}: linux.resources.{field} {cause}");
    }
}
