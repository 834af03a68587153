namespace ShimRuntime.Runtime.Doctor;

/// <summary>An id that a record of ours names: what exists under it was made by this daemon or one before it on the same directories, and by no other.</summary>
/// <param name="Id">64 hex digits; 16 where a run directory's name is all that is left.</param>
/// <param name="NamedBy">The record, for people.</param>
internal sealed record Claim(ClaimKind Kind, string Id, string NamedBy)
{
    /// <summary>Pod cgroup or container cgroup, as the ledger has it; null: not known.</summary>
    public string? Cgroup { get; init; }

    /// <summary>The pod cgroup was made by us.</summary>
    public bool OwnsCgroup { get; init; }
}

internal enum ClaimKind
{
    Sandbox,
    Container,
}
