namespace ShimRuntime.Runtime.Bundles;

/// <summary>What the OCI runtime of one handler can do on this node, and what its pods may ask of it. A test gives its own.</summary>
public sealed record HandlerFeatures
{
    /// <summary>The runtime knows "rro" and the kernel has mount_setattr(2).</summary>
    public bool RecursiveReadOnlyMounts { get; init; }

    /// <summary>Pods may have a user namespace: the runtime knows them, and kernel and file system can id-map.</summary>
    public bool UserNamespaces { get; init; }

    /// <summary>Why not; null: they may.</summary>
    public string? UserNamespacesFailure { get; init; }

    /// <summary>Annotation keys of pod and container that the runtime gets to see; a trailing * is a prefix.</summary>
    public IReadOnlyList<string> AllowedAnnotations { get; init; } = [];

    public bool Allows(string annotation) => AllowedAnnotations.Any(
        a => a.EndsWith('*') ? annotation.StartsWith(a[..^1], StringComparison.Ordinal) : annotation == a);
}
