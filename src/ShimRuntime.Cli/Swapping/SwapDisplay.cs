using System.Globalization;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.HotSwap.V1;

namespace ShimRuntime.Cli.Swapping;

/// <summary>A swap as it happens: a line a phase, with the seconds since it began and those that the phase before took.</summary>
internal sealed class SwapDisplay(TextWriter output)
{
    private const double NanosPerSecond = 1e9;
    private SwapEvent? _first;
    private SwapEvent? _last;

    /// <summary>The line of a phase, as it is entered.</summary>
    public void Show(SwapEvent happened)
    {
        _first ??= happened;
        var since = Seconds(_first, happened);
        var took = _last is null ? "" : $"  (+{Seconds(_last, happened)})";
        _last = happened;
        var cause = happened.Cause.Length > 0 ? $"  {TextTable.Printable(happened.Cause)}" : "";
        output.WriteLine($"{since,9} s  {PhaseName(happened.Phase),-9}  {Means(happened)}{took}{cause}");
    }

    public static string PhaseName(Phase phase) => phase.ToString().ToUpperInvariant();

    private static string Seconds(SwapEvent from, SwapEvent to) =>
        ((to.AtNanos - from.AtNanos) / NanosPerSecond).ToString("0.000", CultureInfo.InvariantCulture);

    private static string Means(SwapEvent happened) => happened.Phase switch
    {
        Phase.Prepare => $"generation {happened.Generation} serves",
        Phase.Create => $"generation {happened.NewGeneration} is made",
        Phase.Drain => "the old one gets its stop signal",
        Phase.Start => $"generation {happened.NewGeneration} starts",
        Phase.Ready => "waiting until it is ready",
        Phase.Commit => $"generation {happened.Generation} is current",
        Phase.Probation => "the way back is open",
        Phase.Undo => "the new one is taken away",
        Phase.Revert => "the old spec comes back",
        _ => Outcome(happened),
    };

    private static string Outcome(SwapEvent happened) => happened.Outcome switch
    {
        Cri.HotSwap.V1.Outcome.Swapped => $"swapped: generation {happened.Generation} serves",
        Cri.HotSwap.V1.Outcome.Undone => $"undone: generation {happened.Generation} served all the time",
        Cri.HotSwap.V1.Outcome.Reverted => $"reverted: the old spec serves as generation {happened.Generation}",
        Cri.HotSwap.V1.Outcome.Ended => "the container has ended",
        Cri.HotSwap.V1.Outcome.Preempted => "the container was stopped",
        Cri.HotSwap.V1.Outcome.DryRun => "a dry run: this swap is possible, nothing was changed",
        _ => "",
    };
}
