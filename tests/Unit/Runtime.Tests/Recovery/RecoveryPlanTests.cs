using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Recovery;
using Xunit;
using static ShimRuntime.Runtime.Recovery.RecoveryAction;

namespace ShimRuntime.Runtime.Tests.Recovery;

public class RecoveryPlanTests
{
    private static readonly bool[] Both = [false, true];

    /// <summary>
    /// Every combination of facts, against the architecture's table written a second time as ordered rules over the facts' words.
    /// </summary>
    [Fact]
    public void Every_combination_falls_into_the_row_of_the_table()
    {
        var seen = new HashSet<RecoveryAction>();
        foreach (var facts in All())
        {
            var action = RecoveryPlan.Decide(facts);
            seen.Add(action);
            Assert.True(Expected(facts) == action, $"{facts}: {action}, not {Expected(facts)}");
        }

        Assert.Equal(Enum.GetValues<RecoveryAction>().ToHashSet(), seen);
    }

    [Fact]
    public void Silence_is_never_a_reason_to_kill()
    {
        foreach (var facts in All().Where(f => f.Shim == ShimAnswer.Silent)) Assert.NotEqual(KillLost, RecoveryPlan.Decide(facts));
    }

    [Fact]
    public void An_exit_on_disk_beats_whatever_else_is_known()
    {
        foreach (var facts in All().Where(f => f.HasExit && f.Recorded != ContainerPhase.Removing))
            Assert.Equal(KeepExited, RecoveryPlan.Decide(facts));
    }

    // The golden rows, as one reads them in the architecture.
    [Theory]
    [InlineData(ContainerPhase.Removing, true, true, ShimAnswer.Running, true, FinishRemoval)]
    [InlineData(ContainerPhase.Created, true, false, ShimAnswer.Dead, false, KeepExited)]
    [InlineData(ContainerPhase.Exited, false, false, ShimAnswer.Dead, false, KeepExited)]
    [InlineData(ContainerPhase.Creating, false, true, ShimAnswer.Created, false, UndoCreate)]
    [InlineData(ContainerPhase.Creating, false, false, ShimAnswer.Dead, false, UndoCreate)]
    [InlineData(ContainerPhase.Created, false, false, ShimAnswer.Dead, false, EndUnknown)]
    [InlineData(ContainerPhase.Created, false, true, ShimAnswer.Created, false, Adopt)]
    [InlineData(ContainerPhase.Created, false, true, ShimAnswer.Running, true, Adopt)]
    [InlineData(ContainerPhase.Created, false, true, ShimAnswer.Exited, false, AdoptEnd)]
    [InlineData(ContainerPhase.Created, false, true, ShimAnswer.Silent, true, AdoptSilent)]
    [InlineData(ContainerPhase.Created, false, true, ShimAnswer.Dead, true, KillLost)]
    [InlineData(ContainerPhase.Created, false, true, ShimAnswer.Dead, false, EndUnknown)]
    public void Rows(ContainerPhase recorded, bool hasExit, bool sameBoot, ShimAnswer shim, bool initAlive, RecoveryAction expected) =>
        Assert.Equal(expected, RecoveryPlan.Decide(new RecoveryFacts(recorded, hasExit, sameBoot, shim, false, initAlive)));

    private static RecoveryAction Expected(RecoveryFacts f)
    {
        if (f.Recorded == ContainerPhase.Removing) return FinishRemoval;
        if (f.HasExit || f.Recorded == ContainerPhase.Exited) return KeepExited;
        if (f.Recorded == ContainerPhase.Creating) return UndoCreate;
        if (!f.SameBoot) return EndUnknown;
        if (f.Shim == ShimAnswer.Exited) return AdoptEnd;
        if (f.Shim == ShimAnswer.Silent) return AdoptSilent;
        if (f.Shim != ShimAnswer.Dead) return f.NewGeneration ? AdoptGeneration : Adopt;
        return f.InitAlive ? KillLost : EndUnknown;
    }

    private static IEnumerable<RecoveryFacts> All() =>
        from recorded in Enum.GetValues<ContainerPhase>()
        from exit in Both
        from boot in Both
        from shim in Enum.GetValues<ShimAnswer>()
        from generation in Both
        from alive in Both
        select new RecoveryFacts(recorded, exit, boot, shim, generation, alive);
}
