using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Limits;

/// <summary>
/// OCI resources to control files of cgroup v1 or v2 (runtime-spec config-linux.md; kernel's cgroup-v1/*.rst and cgroup-v2.rst).
/// </summary>
internal static class LimitTranslation
{
    private const long DefaultPeriodMicroseconds = 100_000;

    /// <summary>Everything but cpuset. A field that is 0 or empty has no limit in the result.</summary>
    /// <param name="inForce">What holds once <paramref name="wanted"/> is merged in: v2's swap file counts without the memory.</param>
    /// <exception cref="RuntimeFault">InvalidArgument.</exception>
    public static IReadOnlyList<Limit> For(Resources wanted, Resources inForce, bool isV2)
    {
        List<Limit> limits = [];
        if (isV2) AddV2(limits, wanted, inForce);
        else AddV1(limits, wanted);
        foreach (var huge in wanted.HugepageLimits)
        {
            CheckName(huge.PageSize);
            var file = isV2 ? $"hugetlb.{huge.PageSize}.max" : $"hugetlb.{huge.PageSize}.limit_in_bytes";
            limits.Add(new ScalarLimit("hugetlb", file, $"{huge.LimitBytes}", false));
        }

        if (wanted.PidsLimit != 0) limits.Add(new ScalarLimit("pids", "pids.max", MaxIfNegative(wanted.PidsLimit)));
        return limits;
    }

    private static void AddV1(List<Limit> limits, Resources wanted)
    {
        if (wanted.CpuShares != 0)
            limits.Add(new ScalarLimit("cpu", "cpu.shares", $"{Math.Clamp(wanted.CpuShares, CpuWeight.MinShares, CpuWeight.MaxShares)}"));
        if (wanted.CpuQuotaMicroseconds != 0 || wanted.CpuPeriodMicroseconds != 0)
            limits.Add(new CpuQuotaLimit(wanted.CpuQuotaMicroseconds, wanted.CpuPeriodMicroseconds));
        if (wanted.MemoryLimitBytes != 0 || wanted.MemorySwapLimitBytes != 0)
            limits.Add(new MemoryAndSwapLimit(wanted.MemoryLimitBytes, wanted.MemorySwapLimitBytes));
    }

    private static void AddV2(List<Limit> limits, Resources wanted, Resources inForce)
    {
        if (wanted.CpuShares != 0) limits.Add(new ScalarLimit("cpu", "cpu.weight", $"{CpuWeight.OfShares(wanted.CpuShares)}"));
        if (wanted.CpuQuotaMicroseconds != 0 || wanted.CpuPeriodMicroseconds != 0)
        {
            var period = inForce.CpuPeriodMicroseconds == 0 ? DefaultPeriodMicroseconds : inForce.CpuPeriodMicroseconds;
            var quota = inForce.CpuQuotaMicroseconds == 0 ? "max" : MaxIfNegative(inForce.CpuQuotaMicroseconds);
            limits.Add(new ScalarLimit("cpu", "cpu.max", $"{quota} {period}"));
        }

        if (wanted.MemoryLimitBytes != 0) limits.Add(new ScalarLimit("memory", "memory.max", MaxIfNegative(wanted.MemoryLimitBytes)));
        if (wanted.MemorySwapSet || wanted.MemorySwapLimitBytes != 0)
            limits.Add(new ScalarLimit("memory", "memory.swap.max", SwapOf(inForce), false));
        foreach (var (file, value) in wanted.Unified)
        {
            CheckName(file);
            var dot = file.IndexOf('.');
            if (dot <= 0 || file.StartsWith("cgroup.", StringComparison.Ordinal))
                throw RuntimeFault.InvalidArgument($"'{file}' is no cgroup v2 resource file; name one such as memory.high");
            // On the container cgroup it would kill two generations together.
            limits.Add(new ScalarLimit(file[..dot], file, value) { IsLeafsAlone = file == "memory.oom.group" });
        }
    }

    /// <summary>v2 counts swap alone, OCI memory and swap together.</summary>
    private static string SwapOf(Resources inForce)
    {
        var both = inForce.MemorySwapLimitBytes;
        if (both < 0) return "max";
        if (inForce.MemoryLimitBytes < 0 || both < inForce.MemoryLimitBytes)
            throw RuntimeFault.InvalidArgument($"memory+swap limit {both} is below the memory limit {inForce.MemoryLimitBytes}");
        return $"{both - inForce.MemoryLimitBytes}";
    }

    private static string MaxIfNegative(long value) => value < 0 ? "max" : $"{value}";

    private static void CheckName(string name)
    {
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-'))
                throw RuntimeFault.InvalidArgument($"'{name}' is no name of a cgroup resource");
        }
    }
}
