using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Stats;

/// <summary>Pods' stats: the pod cgroup's counters, the interfaces of its network namespace, its containers'.</summary>
internal sealed class PodStatsReader(CgroupReader cgroups, CpuRates rates, ContainerStatsReader containers)
{
    /// <summary>A pod that is not Ready has attributes only: its namespaces are gone, and its cgroup may be another's by now.</summary>
    public PodSandboxStats Read(Sandbox sandbox, IEnumerable<ContainerEntry> members, PodNetworks networks)
    {
        var config = sandbox.Config;
        var linux = new LinuxPodSandboxStats();
        linux.Containers.AddRange(members.Where(e => ContainerLifecycle.IsRunning(e.Record.Phase)).Select(containers.Read));
        if (sandbox.Phase == SandboxPhase.Ready) Fill(linux, sandbox, networks);
        return new PodSandboxStats
        {
            Attributes = new PodSandboxAttributes
            {
                Id = sandbox.Id,
                Metadata = config.Metadata,
                Labels = { config.Labels },
                Annotations = { config.Annotations },
            },
            Linux = linux,
        };
    }

    private void Fill(LinuxPodSandboxStats linux, Sandbox sandbox, PodNetworks networks)
    {
        var sample = cgroups.Read(sandbox.CgroupPath) ?? CgroupSample.Nothing(UnixTime.NowNanos());
        var rate = rates.Of(sandbox.Id, CpuSampler.Now(), sample.CpuNanos, sample.AtNanos - sandbox.CreatedAtNanos);
        linux.Cpu = UsageViews.Cpu(sample, rate);
        linux.Memory = UsageViews.Memory(sample);
        linux.Io = UsageViews.Io(sample);
        var count = CgroupProcesses.Count(new CgroupDirectory(cgroups.Processes, sandbox.CgroupPath));
        linux.Process = new ProcessUsage { Timestamp = sample.AtNanos, ProcessCount = UsageViews.Value((ulong)count) };
        if (networks.Of(sandbox) is { Count: > 0 } counters) linux.Network = UsageViews.Network(counters, sample.AtNanos);
    }
}
