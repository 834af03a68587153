namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// What hot swap may do with the pods of one handler: [hotswap] of config.toml. A swap is not seen by the API server's admission, so it
/// never changes security context, mounts or devices, and by default no more of the image than its version.
/// </summary>
public sealed record HotSwapPolicy
{
    /// <summary>Annotation keys, without the prefix, that a pod may set; a trailing * is a prefix.</summary>
    public IReadOnlyList<string> Allow { get; init; } = [];

    public SwapImages Images { get; init; } = SwapImages.Digest;

    /// <summary>For one container.</summary>
    public int SwapsPerMinute { get; init; } = 12;

    public bool Allows(string key) => Allow.Any(a => a.EndsWith('*') ? key.StartsWith(a[..^1], StringComparison.Ordinal) : key == a);
}

/// <summary>Which other image a swap may bring.</summary>
public enum SwapImages
{
    None,

    /// <summary>Of the same repository, named by digest or id.</summary>
    Digest,

    /// <summary>Of the same repository.</summary>
    Repository,
    Any,
}
