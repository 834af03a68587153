using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>One series name: what ListMetricDescriptors says of it, and what its samples must look like.</summary>
/// <param name="ExtraLabels">Keys after <see cref="BaseLabels"/>.</param>
internal sealed record MetricDefinition(string Name, string Help, MetricType Type, params string[] ExtraLabels)
{
    /// <summary>The labels that kubelet's /metrics/cadvisor has on every series of a container.</summary>
    public static readonly string[] BaseLabels = ["container", "id", "image", "name", "namespace", "pod"];

    /// <summary>What the kernel must have for it; a series that a node can't fill has no descriptor there.</summary>
    public KernelFeature Needs { get; init; } = KernelFeature.None;

    public MetricDescriptor ToDescriptor() => new() { Name = Name, Help = Help, LabelKeys = { BaseLabels.Concat(ExtraLabels) } };
}

/// <summary>What not every kernel and configuration has.</summary>
internal enum KernelFeature
{
    None,

    /// <summary>Pressure stall information, in cgroups.</summary>
    Pressure,

    /// <summary>The hugetlb controller.</summary>
    HugePages,

    /// <summary>The hugetlb controller of cgroup v1, which alone remembers a maximum.</summary>
    HugePagesMaximum,

    /// <summary>memory.events, of cgroup v2.</summary>
    MemoryEvents,
}
