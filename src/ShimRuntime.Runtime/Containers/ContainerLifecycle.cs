using static ShimRuntime.Runtime.Containers.ContainerEvent;
using static ShimRuntime.Runtime.Containers.ContainerPhase;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// The container's state machine, pure; effects are the callers'.
/// <code>
///             Prepared           StartRequested            Started            StopRequested
///   Creating ----------> Created ---------------> Starting ---------> Running ---------------> Stopping --+
///      |                  |  |                       | |                  |                       ^ |  ^    | StopRequested
///      |                  |  |                       | +--- StopRequested -----------------------+ |  +----+ (joins, shortens)
///      |                  |  |  Ended (shim lost)    | Ended              | Ended                   |
///      |                  |  +-----------------------+----------+---------+-------------------------+ Ended
///      |                  |                                     v
///      | RemoveRequested  | RemoveRequested                   Exited
///      |                  v                                     |
///      +-----------> Removing &lt;--------------------------------+ RemoveRequested
/// </code>
/// A removal of a container that has a process stops it first, and so is refused here. An end may overtake a start's answer, too: that
/// answer then changes no phase and is not an event.
/// </summary>
public static class ContainerLifecycle
{
    /// <summary>The phase after <paramref name="happened"/>; null: it can't happen in this phase, and nothing changes.</summary>
    public static ContainerPhase? Next(ContainerPhase phase, ContainerEvent happened) => (phase, happened) switch
    {
        (Creating, Prepared) => Created,
        (Creating, RemoveRequested) => Removing,

        (Created, StartRequested) => Starting,
        (Created, StopRequested) => Created, // nothing runs: no error, as kubelet's sandbox tear-down expects
        (Created, Ended) => Exited,
        (Created, RemoveRequested) => Removing,

        (Starting, Started) => Running,
        (Starting, StopRequested) => Stopping,
        (Starting, Ended) => Exited,

        (Running, StopRequested) => Stopping,
        (Running, Ended) => Exited,

        (Stopping, Started) => Stopping, // the start's answer, overtaken by the stop
        (Stopping, StopRequested) => Stopping,
        (Stopping, Ended) => Exited,

        (Exited, StopRequested) => Exited,
        (Exited, Ended) => Exited, // the same end seen twice: by Wait's answer and by the shim's death
        (Exited, RemoveRequested) => Removing,

        (Removing, StopRequested) => Removing,
        (Removing, Ended) => Removing,
        (Removing, RemoveRequested) => Removing,

        _ => null,
    };

    /// <summary>True while an init process may exist.</summary>
    public static bool HasProcess(ContainerPhase phase) => phase is Starting or Running or Stopping;

    /// <summary>True where exec and the like are allowed.</summary>
    public static bool IsRunning(ContainerPhase phase) => phase is Running or Stopping;
}
