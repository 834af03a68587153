using System.Runtime.CompilerServices;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Metrics;
using ShimRuntime.Runtime.Stats;

namespace ShimRuntime.Runtime.Tests.Stats;

/// <summary>
/// Files of a real container's cgroup, as the kernel wrote them: v1 with a v2 mount beside (Linux 6.18, one child killed for want of memory, a
/// quota of 0.2 CPUs used up). Read through a hierarchy whose mounts are the captured directories.
/// </summary>
internal sealed class CapturedCgroup
{
    private const string Container = "/container";

    private CapturedCgroup(string mountInfo) => Reader = new CgroupReader(CgroupHierarchy.Parse(mountInfo));

    public static CapturedCgroup V1 { get; } = new(
        string.Concat(((string[])["cpu", "cpuacct", "memory", "pids", "blkio"]).Select(c => Line($"v1/{c}", "cgroup", c)))
        + Line("v1/unified", "cgroup2", ""));

    public CgroupReader Reader { get; }

    public CgroupSample Sample => Reader.Read(Container)!;

    public CgroupDetail Detail => new CgroupDetailReader(Reader, new HugePageSizes(false), static _ => default).Read(Record, Sample);

    private static ContainerRecord Record => new()
    {
        Id = "c",
        SandboxId = "s",
        BootId = "b",
        Name = "n",
        Phase = ContainerPhase.Running,
        ImageId = "i",
        SnapshotKey = "c",
        ContainerCgroup = Container,
        LeafCgroup = $"{Container}/leaf",
    };

    private static string Line(string directory, string type, string options) =>
        $"30 23 0:26 / {Path.Combine(Here(), "Captured", directory)} rw,nosuid - {type} {type} rw,{options}\n";

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
