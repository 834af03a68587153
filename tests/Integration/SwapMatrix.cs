using ShimRuntime.Cri.HotSwap.V1;

namespace ShimRuntime.Integration.Tests;

/// <summary>
/// What a fault in a phase comes to: outcome, the generation that is current then, and of a container that has ended its exit code, or
/// the reason that goes with 137. A dash: it can't happen there, as the notes say.
/// </summary>
/// <remarks>
/// NeverReady is told in READY, whenever it was decided. At L0 and L1 the old one has ended when START begins, at L2 and L3 when PROBATION
/// does, so from then on it can't die. A new one takes no memory before it runs. COMMIT lasts no time: what is done there comes as soon as
/// it is told, so at L0 and L1 in probation and at L2 and L3 while the old one drains. After DONE the swap stays what it has come to, whatever
/// becomes of the container; that another one succeeds then, and that the old image can be removed, is looked at in every cell.
/// </remarks>
internal static class SwapMatrix
{
    /// <summary>
    /// SHIMRUNTIME_SWAP_MATRIX=full: every level. Else one level of a line for each phase, in turn, so that each level meets each fault.
    /// </summary>
    private static readonly bool IsFull = Environment.GetEnvironmentVariable("SHIMRUNTIME_SWAP_MATRIX") == "full";

    private static readonly Phase[] Phases = [Phase.Create, Phase.Drain, Phase.Start, Phase.Ready, Phase.Commit, Phase.Probation, Phase.Done];

    private const string Table = """
        fault          | levels      | CREATE            | DRAIN            | START            | READY            | COMMIT           | PROBATION        | DONE
        NewDies        | L0 L1       | UNDONE 1          | REVERTED 3       | REVERTED 3       | REVERTED 3       | REVERTED 3       | REVERTED 3       | SWAPPED 2 137
        NewDies        | L2 L3       | UNDONE 1          | REVERTED 3       | UNDONE 1         | UNDONE 1         | REVERTED 3       | REVERTED 3       | SWAPPED 2 137
        NeverReady     | L0 L1       | -                 | -                | -                | REVERTED 3       | -                | -                | -
        NeverReady     | L2 L3       | -                 | -                | -                | UNDONE 1         | -                | -                | -
        OldDies        | L0 L1       | ENDED 1 137       | SWAPPED 2        | -                | -                | -                | -                | -
        OldDies        | L2 L3       | ENDED 1 137       | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | -                | -
        OomOfNew       | L0 L1       | -                 | -                | -                | REVERTED 3       | REVERTED 3       | REVERTED 3       | SWAPPED 2 OOMKilled
        OomOfNew       | L2 L3       | -                 | REVERTED 3       | -                | UNDONE 1         | REVERTED 3       | REVERTED 3       | SWAPPED 2 OOMKilled
        OomOfOld       | L0 L1       | ENDED 1 OOMKilled | SWAPPED 2        | -                | -                | -                | -                | -
        OomOfOld       | L2 L3       | ENDED 1 OOMKilled | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | -                | -
        ShimKilled     | L0 L1       | ENDED 1 ShimLost  | ENDED 1 ShimLost | ENDED 1 ShimLost | ENDED 1 ShimLost | ENDED 2 ShimLost | ENDED 2 ShimLost | SWAPPED 2 ShimLost
        ShimKilled     | L2 L3       | ENDED 1 ShimLost  | ENDED 2 ShimLost | ENDED 1 ShimLost | ENDED 1 ShimLost | ENDED 2 ShimLost | ENDED 2 ShimLost | SWAPPED 2 ShimLost
        DaemonKilled   | L0 L1 L2 L3 | SWAPPED 2         | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2
        Stop           | L0 L1       | PREEMPTED 1 0     | PREEMPTED 1 137  | PREEMPTED 1 0    | PREEMPTED 2 0    | PREEMPTED 2 0    | PREEMPTED 2 0    | SWAPPED 2 0
        Stop           | L2 L3       | PREEMPTED 1 0     | PREEMPTED 2 0    | PREEMPTED 1 0    | PREEMPTED 1 0    | PREEMPTED 2 0    | PREEMPTED 2 0    | SWAPPED 2 0
        StopPodSandbox | L0 L1       | PREEMPTED 1 137   | PREEMPTED 1 137  | PREEMPTED 1 0    | PREEMPTED 2 137  | PREEMPTED 2 137  | PREEMPTED 2 137  | SWAPPED 2 137
        StopPodSandbox | L2 L3       | PREEMPTED 1 137   | PREEMPTED 2 137  | PREEMPTED 1 137  | PREEMPTED 1 137  | PREEMPTED 2 137  | PREEMPTED 2 137  | SWAPPED 2 137
        Update         | L0 L1 L2 L3 | SWAPPED 2         | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2
        ReopenLog      | L0 L1 L2 L3 | SWAPPED 2         | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2
        ExecRuns       | L0 L1 L2 L3 | SWAPPED 2         | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2
        SameSwap       | L0 L1 L2 L3 | SWAPPED 2         | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2
        OtherSwap      | L0 L1 L2 L3 | SWAPPED 2         | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | -
        ImageRemoved   | L0 L1 L2 L3 | SWAPPED 2         | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | -
        DiskFull       | L0 L1 L2 L3 | UNDONE 1          | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | SWAPPED 2        | -
        """;

    /// <summary>Level, phase, fault, and the cell.</summary>
    public static TheoryData<Level, Phase, SwapFault, string> Of(params ReadOnlySpan<SwapFault> faults)
    {
        var data = new TheoryData<Level, Phase, SwapFault, string>();
        foreach (var line in Table.Split('\n').Skip(1))
        {
            var columns = line.Split('|', StringSplitOptions.TrimEntries);
            var fault = Enum.Parse<SwapFault>(columns[0]);
            if (!faults.Contains(fault)) continue;
            var (levels, cells) = (columns[1].Split(' ').Select(Enum.Parse<Level>).ToArray(), columns[2..]);
            var all = IsFull || cells.Count(c => c != "-") == 1;
            for (var i = 0; i < Phases.Length; i++)
            {
                if (cells[i] == "-") continue;
                foreach (var level in all ? levels : [levels[(i + (int)fault) % levels.Length]]) data.Add(level, Phases[i], fault, cells[i]);
            }
        }

        return data;
    }
}
