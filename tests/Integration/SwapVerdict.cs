using ShimRuntime.Cri.HotSwap.V1;

namespace ShimRuntime.Integration.Tests;

/// <summary>A cell of <see cref="SwapMatrix"/>.</summary>
/// <param name="Generation">Current in the end.</param>
/// <param name="Exit">Null: the container runs.</param>
internal sealed record SwapVerdict(Outcome Outcome, uint Generation, (int Code, string Reason)? Exit)
{
    /// <summary>What the server calls itself then: the way back is the old spec.</summary>
    public string Version => Generation == 2 ? "g2" : "g1";

    public static SwapVerdict Parse(string cell) => cell.Split(' ') switch
    {
        [var outcome, var generation] => new SwapVerdict(Named(outcome), Number(generation), null),
        [var outcome, var generation, "0"] => new SwapVerdict(Named(outcome), Number(generation), (0, "Completed")),
        [var outcome, var generation, "137"] => new SwapVerdict(Named(outcome), Number(generation), (137, "Error")),
        [var outcome, var generation, var reason] => new SwapVerdict(Named(outcome), Number(generation), (137, reason)),
        _ => throw new FormatException(cell),
    };

    private static Outcome Named(string outcome) => Enum.Parse<Outcome>(outcome, true);

    private static uint Number(string generation) => uint.Parse(generation, System.Globalization.CultureInfo.InvariantCulture);
}
