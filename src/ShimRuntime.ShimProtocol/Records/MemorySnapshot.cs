namespace ShimRuntime.ShimProtocol;

/// <summary>Memory of the generation's leaf cgroup when its init had ended, in bytes; null: the kernel does not say.</summary>
public readonly record struct MemorySnapshot(ulong? UsageBytes, ulong? PeakBytes, ulong? LimitBytes);
