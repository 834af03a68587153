using Microsoft.Extensions.Logging;
using ShimRuntime.Images;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Doctor;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Shims;

namespace ShimRuntime.Runtime.Containers;

/// <summary>What the container verbs are put together from; made once, by the composition root.</summary>
internal sealed record ContainerParts
{
    public required RuntimeOptions Options { get; init; }

    public required ContainerStore Store { get; init; }

    public required ContainerNames Names { get; init; }

    public required ContainerFiles Files { get; init; }

    public required CreateFlights Creates { get; init; }

    public required ISandboxStore Sandboxes { get; init; }

    public required RuntimeHandlers Handlers { get; init; }

    public required IImageStore Images { get; init; }

    public required ISnapshotStore Snapshots { get; init; }

    public required BundleWriter Bundles { get; init; }

    public required ShimSpawner Spawner { get; init; }

    public required ShimOwner ShimOwner { get; init; }

    public required ContainerSupervisor Supervisor { get; init; }

    public required CriuProbe Criu { get; init; }

    public required ICgroupDriver Cgroups { get; init; }

    public required LimitsInForce Limits { get; init; }

    public required LeafKiller Killer { get; init; }

    public required Leftovers Leftovers { get; init; }

    /// <summary>Null: ids are not kept.</summary>
    public IdLedger? Ledger { get; init; }

    /// <summary>Unix time until when an earlier daemon is known to have run; what ended later was told to nobody. 0: none ran.</summary>
    public long LastPulseNanos { get; init; }

    /// <summary>How many exec and attach sessions a container has.</summary>
    public Func<string, int> SessionsOf { get; init; } = static _ => 0;

    public required ILoggerFactory Logs { get; init; }

    public CancellationToken Stopping => ShimOwner.Stopping;
}
