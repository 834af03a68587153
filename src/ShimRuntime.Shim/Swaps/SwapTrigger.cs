namespace ShimRuntime.Shim.Swaps;

/// <summary>What moves <see cref="SwapLifecycle"/>.</summary>
internal enum SwapTrigger
{
    /// <summary>What the phase was for is done.</summary>
    Advanced,

    /// <summary>It can't be done: runc refused, or there is no bundle.</summary>
    Failed,

    /// <summary>The new one lives, and its readiness time is over.</summary>
    NeverReady,

    /// <summary>The new generation has ended by itself.</summary>
    NewEnded,

    /// <summary>The old generation has ended, asked to or not.</summary>
    OldEnded,
    AbortAsked,
    RollbackAsked,
    StopAsked,
}
