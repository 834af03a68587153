namespace ShimRuntime.Runtime.Swap;

/// <summary>A swap that was begun and is not settled: durable in record.json before anything is made for it, so that nothing of it is lost.</summary>
public sealed record PendingSwap
{
    public required string RequestId { get; init; }

    public required GenerationSource Old { get; init; }

    public required GenerationSource Target { get; init; }

    /// <summary>The number of the old spec, should it come back.</summary>
    public required uint Fallback { get; init; }

    /// <summary>The target is what the container shows.</summary>
    public bool IsCommitted { get; init; }

    public bool MakesRootfs => Target.RootfsGeneration == Target.Number;

    /// <summary>What a generation of that number is made from; null: none of this swap.</summary>
    public GenerationSource? SourceOf(uint generation) =>
        generation == Target.Number ? Target
        : generation == Old.Number ? Old
        : generation == Fallback ? Old with { Number = Fallback }
        : null;
}
