using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Stats;

/// <summary>Pods' stats: the pod cgroup's counters, the interfaces of its network namespace, its containers'.</summary>
internal sealed class PodStatsReader(CgroupReader cgroups, CpuRates rates, ContainerStatsReader containers)
{
    private const string DefaultInterface = "eth0"; // CNI_IFNAME that plugins are called with
    private const string Loopback = "lo";

    /// <summary>In the order given. All network namespaces are visited by one thread.</summary>
    public IReadOnlyList<PodSandboxStats> Read(IReadOnlyList<Sandbox> sandboxes, Func<string, IEnumerable<ContainerEntry>> containersOf)
    {
        var networked = sandboxes.Where(s => s.NetworkNamespace is not null && s.Phase == SandboxPhase.Ready).ToList();
        var counters = networked.Count == 0 ? [] : NetworkInterfaces.Read(networked.ConvertAll(s => s.NetworkNamespace!));
        var networks = networked.Zip(counters).ToDictionary(p => p.First.Id, p => p.Second, StringComparer.Ordinal);
        return [.. sandboxes.Select(s => Read(s, containersOf(s.Id), networks.GetValueOrDefault(s.Id)))];
    }

    private PodSandboxStats Read(Sandbox sandbox, IEnumerable<ContainerEntry> members, IReadOnlyList<InterfaceCounters>? network)
    {
        var config = sandbox.Config;
        var linux = new LinuxPodSandboxStats();
        linux.Containers.AddRange(members.Where(e => ContainerLifecycle.IsRunning(e.Record.Phase)).Select(containers.Read));
        if (sandbox.Phase == SandboxPhase.Ready && cgroups.Read(sandbox.CgroupPath) is { } sample)
        {
            linux.Cpu = UsageViews.Cpu(sample, rates.Next(sandbox.Id, sample.AtNanos, sample.CpuNanos, sandbox.CreatedAtNanos));
            linux.Memory = UsageViews.Memory(sample);
            linux.Io = UsageViews.Io(sample);
            if (sample.Processes is { } count)
                linux.Process = new ProcessUsage { Timestamp = sample.AtNanos, ProcessCount = UsageViews.Value(count) };
            if (network is { Count: > 0 }) linux.Network = Network(network, sample.AtNanos);
        }

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

    internal static NetworkUsage Network(IReadOnlyList<InterfaceCounters> counters, long atNanos)
    {
        var usage = new NetworkUsage { Timestamp = atNanos };
        foreach (var counter in counters.Where(c => c.Name != Loopback))
        {
            var one = new NetworkInterfaceUsage
            {
                Name = counter.Name,
                RxBytes = UsageViews.Value(counter.ReceivedBytes),
                RxErrors = UsageViews.Value(counter.ReceivedErrors),
                TxBytes = UsageViews.Value(counter.SentBytes),
                TxErrors = UsageViews.Value(counter.SentErrors),
            };
            if (counter.Name == DefaultInterface) usage.DefaultInterface = one;
            else usage.Interfaces.Add(one);
        }

        return usage;
    }
}
