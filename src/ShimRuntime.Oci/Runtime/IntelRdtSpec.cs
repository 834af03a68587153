namespace ShimRuntime.Oci;

/// <summary>Intel Resource Director Technology (config-linux.md, "IntelRdt").</summary>
public sealed record IntelRdtSpec
{
    /// <summary>Name of the class below the resctrl mount.</summary>
    public string? ClosID { get; init; }

    public string? L3CacheSchema { get; init; }

    public string? MemBwSchema { get; init; }

    public bool? EnableCMT { get; init; }

    public bool? EnableMBM { get; init; }
}
