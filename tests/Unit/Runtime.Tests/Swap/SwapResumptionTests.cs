using ShimRuntime.Runtime.Swap;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Swap;

public class SwapResumptionTests
{
    [Fact]
    public void The_whole_table()
    {
        var rows = from committed in new[] { false, true }
                   from journal in new[] { "none", "other", "phase", "done" }
                   from alive in new[] { false, true }
                   select $"committed={committed} journal={journal} shim={alive} -> {SwapResumption.Decide(Pending(committed), Journal(journal), alive)}";
        Assert.Equal(
            """
            committed=False journal=none shim=False -> Undo
            committed=False journal=none shim=True -> Undo
            committed=False journal=other shim=False -> Undo
            committed=False journal=other shim=True -> Undo
            committed=False journal=phase shim=False -> SettleLost
            committed=False journal=phase shim=True -> Follow
            committed=False journal=done shim=False -> Settle
            committed=False journal=done shim=True -> Settle
            committed=True journal=none shim=False -> SettleLost
            committed=True journal=none shim=True -> SettleLost
            committed=True journal=other shim=False -> Undo
            committed=True journal=other shim=True -> Undo
            committed=True journal=phase shim=False -> SettleLost
            committed=True journal=phase shim=True -> Follow
            committed=True journal=done shim=False -> Settle
            committed=True journal=done shim=True -> Settle
            """,
            string.Join('\n', rows));
    }

    [Fact]
    public void A_generation_that_the_shim_names_is_the_old_one_the_target_or_the_way_back()
    {
        var pending = Pending(false);
        Assert.Equal(("new", 2u), (pending.SourceOf(2)!.ImageId, pending.SourceOf(2)!.Number));
        Assert.Equal(("old", 3u), (pending.SourceOf(3)!.ImageId, pending.SourceOf(3)!.Number));
        Assert.Equal(("old", 1u), (pending.SourceOf(1)!.ImageId, pending.SourceOf(1)!.Number));
        Assert.Null(pending.SourceOf(4));
    }

    private static PendingSwap Pending(bool committed) => new()
    {
        RequestId = "r",
        Old = new GenerationSource { Number = 1, ImageId = "old", SnapshotKey = "k", RootfsGeneration = 1 },
        Target = new GenerationSource { Number = 2, ImageId = "new", SnapshotKey = "k.g2", RootfsGeneration = 2 },
        Fallback = 3,
        IsCommitted = committed,
    };

    private static SwapRecord? Journal(string kind) => kind == "none" ? null : new SwapRecord
    {
        ContainerId = "c",
        Current = 1,
        History = [],
        Swap = new SwapEntry
        {
            RequestId = kind == "other" ? "other" : "r",
            Level = SwapLevel.SwapL0,
            Phase = kind == "phase" ? SwapPhase.Ready : SwapPhase.Done,
            Old = 1,
            Target = 2,
            OldImageId = "old",
            TargetImageId = "new",
        },
    };
}
