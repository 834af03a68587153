namespace ShimRuntime.Linux;

/// <summary>One line of uid_map or gid_map, user_namespaces(7): ids 0 … Count−1 inside are Outside … Outside+Count−1 on the host.</summary>
public readonly record struct IdRange(uint Outside, uint Count)
{
    /// <summary>The host's id of an id inside; null: it has none, and shows as the overflow id there.</summary>
    public uint? OnHost(uint inside) => inside < Count ? Outside + inside : null;

    public override string ToString() => $"0 {Outside} {Count}";
}

/// <summary>The mappings of a user namespace.</summary>
public sealed record UserMappings(IdRange Uids, IdRange Gids);
