namespace ShimRuntime.Runtime.Containers;

/// <summary>Names of writable layers: the container's id, and for one that a swap makes, with the generation.</summary>
public static class SnapshotKeys
{
    private const string Infix = ".g";

    public static string OfSwap(string containerId, uint generation) => $"{containerId}{Infix}{generation}";

    /// <summary>The container whose layer it is; null: no container's.</summary>
    public static string? OwnerOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var infix = key.IndexOf(Infix, StringComparison.Ordinal);
        var id = infix < 0 ? key : key[..infix];
        return ContainerId.IsValid(id) && (infix < 0 || uint.TryParse(key[(infix + Infix.Length)..], out _)) ? id : null;
    }
}
