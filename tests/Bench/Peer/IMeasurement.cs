namespace ShimRuntime.Bench.Peer;

/// <summary>Adds rows to the comparison.</summary>
internal interface IMeasurement
{
    /// <summary>For `--rows`.</summary>
    string Name { get; }

    Task RunAsync(Contest contest, CancellationToken cancellation);
}
