using System.Globalization;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench.Peer;

/// <summary>CPU and memory of a runtime: daemon and shims are in &lt;cgroup&gt;/runtime, its pods below &lt;cgroup&gt;/pods.</summary>
internal sealed class RuntimeUsage(CgroupHierarchy hierarchy, string cgroup, Func<int> daemon)
{
    /// <summary>CPU milliseconds of everything so far: daemon, shims, runc, CNI plugins, and the containers, which sleep.</summary>
    public double AllCpuMilliseconds => CpuMilliseconds(cgroup);

    /// <summary>Without what runs in the pods' cgroups.</summary>
    public double RuntimeCpuMilliseconds => CpuMilliseconds($"{cgroup}/runtime");

    public double DaemonMegabytes => Pss(daemon());

    /// <summary>PSS of daemon, shims and pause processes: of all that is not the workload itself.</summary>
    public double Megabytes => Processes(cgroup).Where(pid => !IsWorkload(pid)).Sum(Pss);

    public IReadOnlyList<int> Shims => [.. Processes($"{cgroup}/runtime").Where(pid => pid != daemon())];

    private double CpuMilliseconds(string path)
    {
        var directory = hierarchy.PathOf("cpuacct", path)!;
        if (!hierarchy.IsV2) return long.Parse(File.ReadAllText($"{directory}/cpuacct.usage"), CultureInfo.InvariantCulture) / 1e6;
        var line = File.ReadLines($"{directory}/cpu.stat").First(l => l.StartsWith("usage_usec ", StringComparison.Ordinal));
        return long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture) / 1e3;
    }

    private IEnumerable<int> Processes(string path) =>
        Directory.EnumerateFiles(hierarchy.PathOf("cpuacct", path)!, "cgroup.procs", SearchOption.AllDirectories)
            .SelectMany(File.ReadLines).Select(l => int.Parse(l, CultureInfo.InvariantCulture)).ToList();

    private static bool IsWorkload(int pid) => Read($"/proc/{pid}/cmdline").StartsWith("sleep\0", StringComparison.Ordinal);

    private static double Pss(int pid)
    {
        var line = Read($"/proc/{pid}/smaps_rollup").Split('\n').FirstOrDefault(l => l.StartsWith("Pss:", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0;
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return ""; // it ended meanwhile
        }
    }
}
