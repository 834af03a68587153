using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// What a daemon does about a swap that it finds in a container's record, or that has lost its connection: row 6 of the recovery table,
/// pure. First match wins.
/// <code>
///   record.json        swap.json                 shim     then
///   swap, committed    none: the machine rebooted any      SettleLost: as the record says
///   swap, of ID        none, or another swap     any      Undo: the shim was never told; what was made for it goes
///   swap, of ID        ID, done                  any      Settle: as swap.json says
///   swap, of ID        ID, in a phase            alive    Follow: the shim goes on, and is asked for its news
///   swap, of ID        ID, in a phase            dead     SettleLost: the container has ended with its shim (row 8)
/// </code>
/// </summary>
public static class SwapResumption
{
    public static SwapResume Decide(PendingSwap pending, SwapRecord? journal, bool shimAlive)
    {
        ArgumentNullException.ThrowIfNull(pending);
        return (journal?.Swap, shimAlive) switch
        {
            (null, _) => pending.IsCommitted ? SwapResume.SettleLost : SwapResume.Undo,
            ({ } swap, _) when swap.RequestId != pending.RequestId => SwapResume.Undo,
            ({ Phase: SwapPhase.Done }, _) => SwapResume.Settle,
            (_, true) => SwapResume.Follow,
            _ => SwapResume.SettleLost,
        };
    }
}

/// <summary>What is to be done.</summary>
public enum SwapResume
{
    Undo,
    Settle,
    Follow,
    SettleLost,
}
