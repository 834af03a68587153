namespace ShimRuntime.Runtime.Shims.Upgrades;

/// <summary>What has become of one shim in a rollout.</summary>
public enum ShimUpgradeOutcome
{
    /// <summary>The new program serves, in the same process.</summary>
    Upgraded,

    /// <summary>The old one goes on, as if nobody had asked.</summary>
    Refused,

    /// <summary>The new program died in the old one's place, and the container with it.</summary>
    Lost,

    /// <summary>No answer in time.</summary>
    Silent,

    /// <summary>Its container was removed meanwhile.</summary>
    Gone,

    /// <summary>The rollout ended before its turn.</summary>
    Untouched,
}

/// <summary>One shim's turn, told when it is over.</summary>
/// <param name="Cause">Why it was not upgraded; else empty.</param>
/// <param name="Done">How many turns are over, this one included, of <paramref name="Total"/>.</param>
public sealed record ShimUpgradeStep(string ContainerId, ShimUpgradeOutcome Outcome, string Cause, int Done, int Total)
{
    public string PreviousVersion { get; init; } = "";

    public string Version { get; init; } = "";

    public TimeSpan Took { get; init; }
}
