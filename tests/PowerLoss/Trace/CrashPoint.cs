namespace ShimRuntime.PowerLoss.Tests.Trace;

/// <summary>The time between two calls that changed the disk: the power may go at any moment of it.</summary>
/// <param name="Number">Of the call after which it begins.</param>
/// <param name="Call">That call, for people.</param>
public sealed record CrashPoint(int Number, string Call)
{
    /// <summary>Seconds since the epoch: when the next such call returned.</summary>
    public double Until { get; set; } = double.PositiveInfinity;
}
