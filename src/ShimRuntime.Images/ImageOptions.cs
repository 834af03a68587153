namespace ShimRuntime.Images;

/// <summary>Where images live and how they are fetched. All paths absolute.</summary>
public sealed record ImageOptions
{
    /// <summary>The daemon's durable root: content/, images/, snapshots/ and leases/ are made below it, 0700.</summary>
    public required string Root { get; init; }

    /// <summary>certs.d in containerd's layout: &lt;dir&gt;/&lt;host&gt;/hosts.toml. Empty: none.</summary>
    public string RegistryConfigDirectory { get; init; } = "";

    /// <summary>Layers fetched at once, over all pulls.</summary>
    public int ConcurrentLayers { get; init; } = 6;

    /// <summary>No byte for this long ends a transfer (it is then resumed or retried).</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>References that RemoveImage and GC leave alone.</summary>
    public IReadOnlyList<string> PinnedImages { get; init; } = [];
}
