using ShimRuntime.Shim.Swaps;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Shim.Tests.Swaps;

public class SwapLifecycleTests
{
    private static readonly SwapFacts Warm = new(false, true, false);
    private static readonly SwapFacts WarmAlone = new(false, false, false);
    private static readonly SwapFacts Overlap = new(true, true, false);

    [Fact]
    public void The_whole_table_of_L0_whose_old_generation_has_ended_from_drain_on()
    {
        var rows = from phase in Phases()
                   from happened in Enum.GetValues<SwapTrigger>()
                   let facts = phase is SwapPhase.Prepare or SwapPhase.Create or SwapPhase.Undo ? Warm : WarmAlone
                   let next = SwapLifecycle.Next(phase, happened, facts)
                   where next is not null
                   select $"{phase} {happened} -> {next}";
        Assert.Equal(
            """
            Prepare Advanced -> Create
            Prepare Failed -> Undo
            Prepare NewEnded -> Undo
            Prepare OldEnded -> Done
            Prepare AbortAsked -> Undo
            Prepare RollbackAsked -> Undo
            Prepare StopAsked -> Done
            Create Advanced -> Drain
            Create Failed -> Undo
            Create NewEnded -> Undo
            Create OldEnded -> Done
            Create AbortAsked -> Undo
            Create RollbackAsked -> Undo
            Create StopAsked -> Done
            Start Advanced -> Ready
            Start Failed -> Revert
            Start NewEnded -> Revert
            Start AbortAsked -> Revert
            Start RollbackAsked -> Revert
            Start StopAsked -> Done
            Ready Advanced -> Commit
            Ready Failed -> Revert
            Ready NeverReady -> Revert
            Ready NewEnded -> Revert
            Ready OldEnded -> Commit
            Ready AbortAsked -> Revert
            Ready RollbackAsked -> Revert
            Ready StopAsked -> Done
            Commit Advanced -> Probation
            Commit StopAsked -> Done
            Drain NewEnded -> Revert
            Drain OldEnded -> Start
            Drain AbortAsked -> Revert
            Drain RollbackAsked -> Revert
            Drain StopAsked -> Done
            Probation Advanced -> Done
            Probation NewEnded -> Revert
            Probation RollbackAsked -> Revert
            Probation StopAsked -> Done
            Undo Advanced -> Done
            Undo OldEnded -> Done
            Undo StopAsked -> Done
            Revert Advanced -> Done
            Revert Failed -> Done
            Revert StopAsked -> Done
            """,
            string.Join('\n', rows));
    }

    [Fact]
    public void An_overlap_drains_after_its_commit_and_costs_nothing_before_it()
    {
        Assert.Equal(
            [SwapPhase.Create, SwapPhase.Start, SwapPhase.Ready, SwapPhase.Commit, SwapPhase.Drain],
            Walk(Overlap, SwapPhase.Prepare, 5));
        Assert.Equal(SwapPhase.Probation, SwapLifecycle.Next(SwapPhase.Drain, SwapTrigger.OldEnded, Overlap));
        foreach (var phase in (ReadOnlySpan<SwapPhase>)[SwapPhase.Start, SwapPhase.Ready])
            foreach (var happened in (ReadOnlySpan<SwapTrigger>)[SwapTrigger.NewEnded, SwapTrigger.AbortAsked, SwapTrigger.Failed])
                Assert.Equal(SwapPhase.Undo, SwapLifecycle.Next(phase, happened, Overlap));
    }

    [Fact]
    public void A_running_successor_is_promoted_when_the_old_one_dies()
    {
        Assert.Equal(SwapPhase.Commit, SwapLifecycle.Next(SwapPhase.Ready, SwapTrigger.OldEnded, Overlap));
        Assert.Null(SwapLifecycle.Next(SwapPhase.Start, SwapTrigger.OldEnded, Overlap)); // it goes on: nobody else is left
    }

    [Fact]
    public void Keep_new_keeps_what_never_became_ready_and_ends_with_what_dies()
    {
        var keep = WarmAlone with { KeepsNew = true };
        Assert.Equal(SwapPhase.Commit, SwapLifecycle.Next(SwapPhase.Ready, SwapTrigger.NeverReady, keep));
        Assert.Equal(SwapPhase.Done, SwapLifecycle.Next(SwapPhase.Ready, SwapTrigger.NewEnded, keep));
        Assert.Equal(SwapPhase.Done, SwapLifecycle.Next(SwapPhase.Probation, SwapTrigger.NewEnded, keep));
        Assert.Equal(SwapPhase.Revert, SwapLifecycle.Next(SwapPhase.Drain, SwapTrigger.NewEnded, keep)); // it has never run
    }

    [Fact]
    public void Every_way_leads_to_done()
    {
        foreach (var facts in from o in Both() from s in Both() from k in Both() select new SwapFacts(o, s, k))
            foreach (var phase in Phases())
                Assert.Contains(SwapPhase.Done, Reachable(phase, facts).Append(phase));
    }

    [Fact]
    public void An_end_has_an_outcome()
    {
        foreach (var (last, happened, outcome) in new[]
        {
            (SwapPhase.Probation, SwapTrigger.Advanced, SwapOutcome.Swapped), (SwapPhase.Probation, SwapTrigger.NewEnded, SwapOutcome.Ended),
            (SwapPhase.Undo, SwapTrigger.Advanced, SwapOutcome.Undone), (SwapPhase.Undo, SwapTrigger.OldEnded, SwapOutcome.Ended),
            (SwapPhase.Revert, SwapTrigger.Advanced, SwapOutcome.Reverted), (SwapPhase.Revert, SwapTrigger.Failed, SwapOutcome.Ended),
            (SwapPhase.Ready, SwapTrigger.StopAsked, SwapOutcome.Preempted), (SwapPhase.Create, SwapTrigger.OldEnded, SwapOutcome.Ended),
        })
            Assert.Equal(outcome, SwapLifecycle.Outcome(last, happened));
    }

    private static IEnumerable<SwapPhase> Phases() => Enum.GetValues<SwapPhase>().Where(p => p != SwapPhase.Unspecified);

    private static bool[] Both() => [false, true];

    private static List<SwapPhase> Walk(SwapFacts facts, SwapPhase from, int steps)
    {
        List<SwapPhase> walked = [];
        for (var phase = from; walked.Count < steps && SwapLifecycle.Next(phase, SwapTrigger.Advanced, facts) is { } next; phase = next) walked.Add(next);
        return walked;
    }

    private static HashSet<SwapPhase> Reachable(SwapPhase from, SwapFacts facts)
    {
        var (seen, open) = (new HashSet<SwapPhase>(), new Stack<SwapPhase>([from]));
        while (open.TryPop(out var phase))
        {
            foreach (var happened in Enum.GetValues<SwapTrigger>().Where(t => t != SwapTrigger.StopAsked))
            {
                if (SwapLifecycle.Next(phase, happened, facts) is { } next && seen.Add(next)) open.Push(next);
            }
        }

        return seen;
    }
}
