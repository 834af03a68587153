namespace ShimRuntime.Linux;

/// <summary>The namespaces that a pod is to have of its own, by where each is pinned; null: the host's.</summary>
public sealed record PodNamespaceRequest
{
    /// <summary>A network namespace comes with its loopback up.</summary>
    public string? NetworkPin { get; init; }

    public string? IpcPin { get; init; }

    public string? UtsPin { get; init; }

    /// <summary>Given: the others belong to a user namespace of these mappings, which is pinned here.</summary>
    public string? UserPin { get; init; }

    /// <summary>With <see cref="UserPin"/>.</summary>
    public UserMappings? Users { get; init; }

    /// <summary>Set in the new UTS namespace; empty: the host's stays.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>Paths below /proc/sys and their values, checked already; written inside the new namespaces.</summary>
    public IReadOnlyList<(string Path, string Value)> Sysctls { get; init; } = [];
}
