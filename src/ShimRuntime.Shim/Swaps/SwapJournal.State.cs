using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Swaps;

/// <content>What swap.json holds, and what it could not be told yet.</content>
internal sealed partial class SwapJournal
{
    public SavedJournal Save() => new()
    {
        History = { _history.Select(Save) },
        Swap = _swap is null ? null : Save(_swap),
        Current = _current,
        EndedLeaves = SavedRecords.Save(_endedLeaves),
        WriteAgainDue = _writeAgain.DueMilliseconds,
    };

    public void Load(SavedJournal saved)
    {
        foreach (var generation in saved.History) _history.Add(Load(generation));
        _swap = saved.Swap is null ? null : Load(saved.Swap);
        (_current, _endedLeaves) = (saved.Current, SavedRecords.Load(saved.EndedLeaves));
        _writeAgain.DueMilliseconds = saved.WriteAgainDue;
    }

    private static SavedHistory Save(GenerationEntry generation) => new()
    {
        Number = generation.Number,
        ImageId = generation.ImageId,
        Cause = generation.Cause,
        StartedAtNanos = generation.StartedAtNanos,
        FinishedAtNanos = generation.FinishedAtNanos,
        Code = generation.Code,
        Reason = generation.Reason,
    };

    private static GenerationEntry Load(SavedHistory saved) => new()
    {
        Number = saved.Number,
        ImageId = saved.ImageId,
        Cause = saved.Cause,
        StartedAtNanos = saved.StartedAtNanos,
        FinishedAtNanos = saved.FinishedAtNanos,
        Code = saved.Code,
        Reason = saved.Reason,
    };

    private static SavedSwapEntry Save(SwapEntry swap) => new()
    {
        RequestId = swap.RequestId,
        Level = swap.Level,
        Phase = swap.Phase,
        Outcome = swap.Outcome,
        Cause = swap.Cause,
        Old = swap.Old,
        Target = swap.Target,
        OldImageId = swap.OldImageId,
        TargetImageId = swap.TargetImageId,
        Timeline = { swap.Timeline.Select(s => new SavedStep { Phase = s.Phase, AtNanos = s.AtNanos }) },
    };

    private static SwapEntry Load(SavedSwapEntry saved) => new()
    {
        RequestId = saved.RequestId,
        Level = saved.Level,
        Phase = saved.Phase,
        Outcome = saved.Outcome,
        Cause = saved.Cause,
        Old = saved.Old,
        Target = saved.Target,
        OldImageId = saved.OldImageId,
        TargetImageId = saved.TargetImageId,
        Timeline = [.. saved.Timeline.Select(s => (s.Phase, s.AtNanos))],
    };
}
