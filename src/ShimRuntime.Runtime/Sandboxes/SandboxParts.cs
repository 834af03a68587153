using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Doctor;
using ShimRuntime.Runtime.Events;
using ShimRuntime.Runtime.Networking;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Shims;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>What the sandboxes' service is put together from.</summary>
public sealed record SandboxParts
{
    public required RuntimeOptions Options { get; init; }

    public required SandboxStore Store { get; init; }

    public required PodNetwork Network { get; init; }

    public required ExitWatcher Exits { get; init; }

    public required RuntimeHandlers Handlers { get; init; }

    public required HostFacts Facts { get; init; }

    public required PodCgroups Cgroups { get; init; }

    /// <summary>A pod that is being made will have a container: its shim is started ahead.</summary>
    public required ShimReserve Shims { get; init; }

    /// <summary>Asked at the first stop or status: containers need the sandboxes' store, so they are made after this.</summary>
    public required Func<IPodContainers> Containers { get; init; }

    /// <summary>Null: ids are not kept.</summary>
    internal IdLedger? Ledger { get; init; }

    /// <summary>Null: nobody is told.</summary>
    internal EventFeed? Events { get; init; }

    /// <summary>Told of a sandbox whose network is about to go: those that forward ports into it hold its namespace.</summary>
    public Action<string> EndSessions { get; init; } = static _ => { };

    public required ILoggerFactory Logs { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The daemon's life: operations run under it, not under any client's token.</summary>
    public required CancellationToken Stopping { get; init; }
}
