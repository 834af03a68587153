using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Stats;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>
/// The series of a pod as a whole. Its cgroup has an empty container label, as cAdvisor's has; its network is the infra container's, POD,
/// though there is none. The sandbox's id stands in the label name, so that no two series of a node are alike.
/// </summary>
internal sealed class PodMetricsReader(CgroupReader cgroups)
{
    private const string Infra = "POD";

    public void Add(PodSandboxMetrics metrics, Sandbox sandbox, PodNetworks networks)
    {
        var pod = sandbox.Config.Metadata;
        var sample = cgroups.Read(sandbox.CgroupPath) ?? CgroupSample.Nothing(UnixTime.NowNanos());
        var writer = new MetricWriter(metrics.Metrics, ["", sandbox.CgroupPath, "", sandbox.Id, pod.Namespace, pod.Name], sample.AtNanos);
        writer.AddTime(MetricCatalog.LastSeen, sample.AtNanos);
        writer.AddTime(MetricCatalog.StartTime, sandbox.CreatedAtNanos);
        CgroupSeries.Add(writer, sample);
        writer.Add(MetricCatalog.Processes, (ulong)CgroupProcesses.Count(new CgroupDirectory(cgroups.Processes, sandbox.CgroupPath)));
        var network = new MetricWriter(metrics.Metrics, [Infra, sandbox.CgroupPath, "", sandbox.Id, pod.Namespace, pod.Name], sample.AtNanos);
        foreach (var counters in networks.Of(sandbox) ?? []) AddNetwork(network, counters);
    }

    private static void AddNetwork(MetricWriter writer, InterfaceCounters counters)
    {
        writer.Add(MetricCatalog.ReceiveBytes, counters.Received.Bytes, counters.Name);
        writer.Add(MetricCatalog.ReceivePackets, counters.Received.Packets, counters.Name);
        writer.Add(MetricCatalog.ReceiveErrors, counters.Received.Errors, counters.Name);
        writer.Add(MetricCatalog.ReceivePacketsDropped, counters.Received.Dropped, counters.Name);
        writer.Add(MetricCatalog.TransmitBytes, counters.Sent.Bytes, counters.Name);
        writer.Add(MetricCatalog.TransmitPackets, counters.Sent.Packets, counters.Name);
        writer.Add(MetricCatalog.TransmitErrors, counters.Sent.Errors, counters.Name);
        writer.Add(MetricCatalog.TransmitPacketsDropped, counters.Sent.Dropped, counters.Name);
    }
}
