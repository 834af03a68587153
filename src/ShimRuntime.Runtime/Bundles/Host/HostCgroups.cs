using System.Globalization;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>What the kernel's controllers can limit.</summary>
internal static class HostCgroups
{
    private const string Root = "/sys/fs/cgroup";

    /// <summary>
    /// v1: the root group has memory.memsw.*; v2: only groups below the root have memory.swap.max, and any of them will do.
    /// </summary>
    public static bool HasSwapLimits(bool cgroup2) => cgroup2
        ? Directory.EnumerateDirectories(Root).Any(group => File.Exists(Path.Combine(group, "memory.swap.max")))
        : File.Exists($"{Root}/memory/memory.memsw.limit_in_bytes");

    /// <summary>cgroup v2's; empty on v1.</summary>
    public static HashSet<string> Controllers(bool cgroup2) => cgroup2 ? [.. File.ReadAllText($"{Root}/cgroup.controllers").Split()] : [];

    /// <summary>"2MB", "1GB"; empty without the hugetlb controller.</summary>
    public static HashSet<string> HugepageSizes(bool cgroup2)
    {
        const string Pages = "/sys/kernel/mm/hugepages";
        // A plain directory of that name is no controller: runc would find no group there and refuse every start.
        var controlled = cgroup2 ? Controllers(true).Contains("hugetlb") : File.Exists($"{Root}/hugetlb/cgroup.procs");
        if (!controlled || !Directory.Exists(Pages)) return [];
        // Directories are called hugepages-2048kB.
        return Directory.EnumerateDirectories(Pages)
            .Select(directory => Path.GetFileName(directory)["hugepages-".Length..^"kB".Length])
            .Select(kib => Name(long.Parse(kib, NumberStyles.None, CultureInfo.InvariantCulture)))
            .ToHashSet();
    }

    /// <summary>As the kernel names its hugetlb files: the largest whole unit.</summary>
    private static string Name(long kib) => kib switch
    {
        >= 1 << 20 => $"{kib >> 20}GB",
        >= 1 << 10 => $"{kib >> 10}MB",
        _ => $"{kib}KB",
    };
}
