using ShimRuntime.Linux;
using ShimRuntime.Runtime;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Between the gRPC edge and the services: the socket accepts before the services are open and before recovery is done, and every
/// call but Version is told Unavailable until then, so that no client sees half a node.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "a token source holds nothing to dispose until its wait handle is asked for")]
internal sealed class ServiceGate
{
    private volatile Composition? _opened;
    private volatile Composition? _ready;
    private readonly CancellationTokenSource _cut = new();

    /// <summary>The services, once recovery is done.</summary>
    public Composition Services => _ready ?? throw new RuntimeFault(
        FaultCode.Unavailable, "failed to answer: the daemon is still recovering its pods and containers; try again in a moment");

    /// <summary>Version needs nothing of recovery: it tells a client that the daemon is there.</summary>
    public INodeService Node => (_opened ?? throw new RuntimeFault(
        FaultCode.Unavailable, "failed to answer: the daemon is still opening its state; try again in a moment")).Node;

    /// <summary>Those of this term of service.</summary>
    public required DaemonLocks Locks { get; init; }

    /// <summary>Fires when the daemon was told to end: calls that have no end of their own must not hold it up.</summary>
    public CancellationToken Ending { get; set; }

    /// <summary>Fires when calls still under way are to be told Unavailable: a word, where a cut connection would leave its client to guess.</summary>
    public CancellationToken Cut => _cut.Token;

    public void CutAfter(TimeSpan drain) => _cut.CancelAfter(drain);

    public void Opened(Composition services) => _opened = services;

    public void Recovered(Composition services) => _ready = services;
}
