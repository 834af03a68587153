using Microsoft.Extensions.Logging;

namespace ShimRuntime.Images;

/// <summary>What pulls, imports and the collector share, opened once.</summary>
internal sealed record ImageParts
{
    public required ContentStore Content { get; init; }

    public required ILayerStore Layers { get; init; }

    public required LeaseStore Leases { get; init; }

    public required ImageStore Images { get; init; }

    public required LayerInstaller Installer { get; init; }

    public required ImageResolver Resolver { get; init; }

    public required RegistryHosts Hosts { get; init; }

    public required RetryPolicy Retry { get; init; }

    public required PlatformMatcher Platform { get; init; }

    public required ILogger Log { get; init; }
}
