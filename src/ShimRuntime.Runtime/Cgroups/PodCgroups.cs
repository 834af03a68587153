using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>What sandboxes need of cgroups: where they are mounted, and who makes them.</summary>
public sealed record PodCgroups(CgroupHierarchy Hierarchy, ICgroupDriver Driver);
