using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Stats;

/// <summary>What one cgroup and all below it use, at one moment.</summary>
internal readonly record struct CgroupSample
{
    /// <summary>Unix time.</summary>
    public required long AtNanos { get; init; }

    public ulong CpuNanos { get; init; }

    public ulong MemoryBytes { get; init; }

    /// <summary>File pages that the kernel would reclaim first.</summary>
    public ulong InactiveFileBytes { get; init; }

    public ulong AnonymousBytes { get; init; }

    public ulong PageFaults { get; init; }

    public ulong MajorPageFaults { get; init; }

    /// <summary>Null: no limit.</summary>
    public ulong? MemoryLimitBytes { get; init; }

    /// <summary>Null: the kernel does not account swap.</summary>
    public ulong? SwapBytes { get; init; }

    /// <summary>Swap alone. Null: no limit.</summary>
    public ulong? SwapLimitBytes { get; init; }

    public ulong? Processes { get; init; }

    /// <summary>Pressure stall information; null where the kernel has none (always on v1).</summary>
    public PsiStats? CpuPressure { get; init; }

    public PsiStats? MemoryPressure { get; init; }

    public PsiStats? IoPressure { get; init; }

    /// <summary>Usage less what is reclaimed first: what kubelet's eviction goes by.</summary>
    public ulong WorkingSetBytes => MemoryBytes > InactiveFileBytes ? MemoryBytes - InactiveFileBytes : 0;
}
