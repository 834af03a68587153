namespace ShimRuntime.Oci;

/// <summary>cgroup limits (config-linux.md, "Control groups"). What is absent stays as the kernel has it.</summary>
public sealed record LinuxResources
{
    public IReadOnlyList<DeviceRule>? Devices { get; init; }

    public MemoryLimits? Memory { get; init; }

    public CpuLimits? Cpu { get; init; }

    public IReadOnlyList<HugepageLimitSpec>? HugepageLimits { get; init; }

    /// <summary>cgroup v2 file name to value.</summary>
    public IReadOnlyDictionary<string, string>? Unified { get; init; }
}

/// <summary>One line of the device cgroup; rules apply in order. Absent major or minor: all.</summary>
public sealed record DeviceRule
{
    public required bool Allow { get; init; }

    /// <summary>a, c or b; absent: all.</summary>
    public string? Type { get; init; }

    public long? Major { get; init; }

    public long? Minor { get; init; }

    /// <summary>Of r, w, m.</summary>
    public required string Access { get; init; }
}

/// <summary>Bytes; −1: no limit.</summary>
public sealed record MemoryLimits
{
    public long? Limit { get; init; }

    /// <summary>Memory and swap together.</summary>
    public long? Swap { get; init; }
}

/// <summary>Quota and period in microseconds; quota −1: no limit.</summary>
public sealed record CpuLimits
{
    public ulong? Shares { get; init; }

    public long? Quota { get; init; }

    public ulong? Period { get; init; }

    public string? Cpus { get; init; }

    public string? Mems { get; init; }
}

/// <summary>Limit in bytes for pages of one size, such as 2MB.</summary>
public sealed record HugepageLimitSpec
{
    public required string PageSize { get; init; }

    public required ulong Limit { get; init; }
}
