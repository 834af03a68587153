using System.Text;
using ShimRuntime.Runtime.Stats;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>The page sizes that this kernel's hugetlb controller counts; none where it has no such controller.</summary>
internal sealed class HugePageSizes
{
    private const string Pages = "/sys/kernel/mm/hugepages";
    private readonly (string Size, byte[] Usage, byte[] V1Usage, byte[] V1Peak)[] _sizes;

    public HugePageSizes(bool counted)
    {
        _sizes = !counted || !Directory.Exists(Pages) ? [] : [.. Directory.GetDirectories(Pages).Select(d => Size(Path.GetFileName(d)))
            .Where(s => s.Length > 0).Order(StringComparer.Ordinal).Select(s => (s, File($"hugetlb.{s}.current"),
                File($"hugetlb.{s}.usage_in_bytes"), File($"hugetlb.{s}.max_usage_in_bytes")))];
    }

    public bool Any => _sizes.Length > 0;

    public IReadOnlyList<HugePageUsage> Read(CgroupDirectory directory, bool isV2)
    {
        if (_sizes.Length == 0) return [];
        var usages = new HugePageUsage[_sizes.Length];
        for (var i = 0; i < usages.Length; i++)
        {
            var (size, usage, v1Usage, v1Peak) = _sizes[i];
            usages[i] = new HugePageUsage(
                size, directory.Number(isV2 ? usage : v1Usage) ?? 0, isV2 ? 0 : directory.Number(v1Peak) ?? 0);
        }

        return usages;
    }

    /// <summary>hugepages-2048kB is what cgroup files call 2MB.</summary>
    internal static string Size(string directory)
    {
        const string Prefix = "hugepages-", Suffix = "kB";
        if (!directory.StartsWith(Prefix, StringComparison.Ordinal) || !directory.EndsWith(Suffix, StringComparison.Ordinal)) return "";
        if (!ulong.TryParse(directory.AsSpan(Prefix.Length..^Suffix.Length), out var kilobytes)) return "";
        return kilobytes >= 1 << 20 ? $"{kilobytes >> 20}GB" : kilobytes >= 1 << 10 ? $"{kilobytes >> 10}MB" : $"{kilobytes}KB";
    }

    private static byte[] File(string name) => Encoding.ASCII.GetBytes(name);
}
