using System.Collections.Immutable;

namespace ShimRuntime.Runtime.Swap;

/// <summary>What a pod's annotations say of hot swap for one container, frozen at its create.</summary>
public sealed record SwapOptIn
{
    /// <summary>Key without prefix and container name, to value.</summary>
    public ImmutableSortedDictionary<string, string> Settings { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Key to why it is not honoured.</summary>
    public ImmutableSortedDictionary<string, string> Ignored { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    public bool IsEmpty => Settings.IsEmpty && Ignored.IsEmpty;
}
