using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <summary>
/// The states of the one container of a shim, as Hello tells them:
/// <code>
/// CREATED --StartAsked--> STARTING --RuncSucceeded--> RUNNING --StopAsked--> STOPPING
///                          |  |  ^                       |                      |
///                          |  +--+ StopAsked             +------ExitRecorded----+--> EXITED
///                          +---------ExitRecorded (runc refused) ------------------> EXITED
/// </code>
/// Null: the event is refused in that state.
/// </summary>
internal static class ShimLifecycle
{
    public static ShimState? Next(ShimState state, ShimEvent happened) => (state, happened) switch
    {
        (ShimState.Created, ShimEvent.StartAsked) => ShimState.Starting,
        (ShimState.Starting, ShimEvent.RuncSucceeded) => ShimState.Running,
        (ShimState.Starting, ShimEvent.StopAsked) => ShimState.Starting, // remembered; acts when runc is done
        (ShimState.Starting, ShimEvent.ExitRecorded) => ShimState.Exited,
        (ShimState.Running or ShimState.Stopping, ShimEvent.StopAsked) => ShimState.Stopping,
        (ShimState.Running or ShimState.Stopping, ShimEvent.ExitRecorded) => ShimState.Exited,
        (ShimState.Exited, ShimEvent.StopAsked) => ShimState.Exited,
        _ => null,
    };
}
