namespace ShimRuntime.Shim.Swaps;

/// <summary>What a step of <see cref="SwapLifecycle"/> depends on beside phase and trigger.</summary>
/// <param name="Overlaps">Of the level: the old one serves until the new one is committed.</param>
/// <param name="OldServes">The old generation has not ended, and was not told to.</param>
/// <param name="KeepsNew">on_failure is KEEP_NEW.</param>
internal readonly record struct SwapFacts(bool Overlaps, bool OldServes, bool KeepsNew);
