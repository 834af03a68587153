namespace ShimRuntime.Runtime.Stats;

/// <summary>What one cgroup and all below it use, at one moment.</summary>
internal sealed class CgroupSample
{
    /// <summary>Unix time.</summary>
    public required long AtNanos { get; init; }

    public ulong CpuNanos { get; init; }

    public ulong MemoryBytes { get; init; }

    /// <summary>Where the bytes are, and faults.</summary>
    public MemoryStat Memory { get; init; }

    /// <summary>Null: no limit.</summary>
    public ulong? MemoryLimitBytes { get; init; }

    /// <summary>Null: the kernel does not account swap.</summary>
    public ulong? SwapBytes { get; init; }

    /// <summary>Swap alone. Null: no limit.</summary>
    public ulong? SwapLimitBytes { get; init; }

    /// <summary>Null where the kernel has none.</summary>
    public PressureSample? CpuPressure { get; init; }

    public PressureSample? MemoryPressure { get; init; }

    public PressureSample? IoPressure { get; init; }

    /// <summary>Usage less what is reclaimed first: what kubelet's eviction goes by.</summary>
    public ulong WorkingSetBytes => MemoryBytes > Memory.InactiveFileBytes ? MemoryBytes - Memory.InactiveFileBytes : 0;

    /// <summary>What a cgroup without processes uses; for a pod whose cgroup is made with its first container.</summary>
    public static CgroupSample Nothing(long atNanos) => new() { AtNanos = atNanos, SwapBytes = 0 };
}
