using System.Globalization;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>The machine's cgroup hierarchies, version 1, hybrid or 2, read back as the kernel shows them.</summary>
public static class Cgroups
{
    /// <summary>Mount points of every hierarchy.</summary>
    public static IReadOnlyList<string> Hierarchies { get; } =
        [.. File.ReadLines("/proc/self/mountinfo").Select(l => (Line: l, Type: l[(l.IndexOf(" - ", StringComparison.Ordinal) + 3)..].Split(' ')[0]))
            .Where(m => m.Type is "cgroup" or "cgroup2").Select(m => m.Line.Split(' ')[4]).Distinct()];

    /// <summary>True when every controller is on the unified hierarchy.</summary>
    public static bool IsUnified { get; } = File.Exists("/sys/fs/cgroup/cgroup.controllers");

    /// <summary>Directory of a cgroup under a controller, such as memory.</summary>
    public static string Directory(string controller, string path) => (IsUnified ? "/sys/fs/cgroup" : $"/sys/fs/cgroup/{controller}") + path;

    /// <summary>The cgroup of a process under a controller, as a path below the mount.</summary>
    public static string Of(int pid, string controller)
    {
        foreach (var line in Processes.Read(pid, "cgroup").Split('\n'))
        {
            var parts = line.Split(':', 3);
            if (parts.Length == 3 && (IsUnified ? parts[1].Length == 0 : parts[1].Split(',').Contains(controller))) return parts[2];
        }

        return "";
    }

    public static string Read(string controller, string path, string file) => File.ReadAllText(Path.Combine(Directory(controller, path), file)).Trim();

    public static long MemoryLimit(string path) => Number(IsUnified ? Read("memory", path, "memory.max") : Read("memory", path, "memory.limit_in_bytes"));

    /// <summary>v1 shares, or on v2 the weight that runc's formula makes of them.</summary>
    public static long CpuShares(string path) => Number(IsUnified ? Read("cpu", path, "cpu.weight") : Read("cpu", path, "cpu.shares"));

    /// <summary>"quota period" in microseconds; -1 is no quota.</summary>
    public static string CpuQuota(string path) =>
        IsUnified ? Read("cpu", path, "cpu.max").Replace("max", "-1", StringComparison.Ordinal)
            : $"{Read("cpu", path, "cpu.cfs_quota_us")} {Read("cpu", path, "cpu.cfs_period_us")}";

    public static long PidsLimit(string path) => Number(Read("pids", path, "pids.max"));

    private static long Number(string text) => text == "max" ? long.MaxValue : long.Parse(text, CultureInfo.InvariantCulture);
}
