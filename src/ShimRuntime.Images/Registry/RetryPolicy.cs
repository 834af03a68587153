namespace ShimRuntime.Images;

/// <summary>How often and how patiently a registry is asked again.</summary>
internal sealed record RetryPolicy
{
    /// <summary>Tries of one request at one endpoint, and failures in a row without progress of one transfer.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>Connections that one transfer may use up, however much each brings.</summary>
    public int MaxReopened { get; init; } = 100;

    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromSeconds(8);

    public required TimeSpan Stall { get; init; }

    /// <summary>Exponential with jitter, or what the registry asked for if that is longer.</summary>
    /// <param name="failures">1 after the first.</param>
    public Task WaitAsync(int failures, TimeSpan? asked, CancellationToken cancellation)
    {
        var exponential = Math.Min(FirstDelay.TotalMilliseconds * Math.Pow(2, failures - 1), MaxDelay.TotalMilliseconds);
        var delay = TimeSpan.FromMilliseconds(exponential * (0.5 + (Random.Shared.NextDouble() / 2)));
        return Task.Delay(asked is { } longer && longer > delay ? longer : delay, cancellation);
    }
}
