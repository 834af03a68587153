namespace ShimRuntime.Runtime.Swap.Triggers;

/// <summary>What a container's trigger file has led to, in record.json.</summary>
public sealed record TriggerRecord
{
    /// <summary>SHA-256 of the content that was answered last, hex; at first that which the file had at create.</summary>
    public string Seen { get; init; } = "";

    /// <summary>Why that content led to no new generation; empty: it did, or it was there at create.</summary>
    public string Cause { get; init; } = "";
}
