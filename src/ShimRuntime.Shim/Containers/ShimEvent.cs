namespace ShimRuntime.Shim.Containers;

/// <summary>What moves <see cref="ShimLifecycle"/>.</summary>
internal enum ShimEvent
{
    StartAsked,
    RuncSucceeded,
    StopAsked,

    /// <summary>exit.json is written.</summary>
    ExitRecorded,
}
