using System.Globalization;
using ShimRuntime.Cri.HotSwap.V1;

namespace ShimRuntime.Bench.Swap;

/// <summary>All that is measured of hot swap, and how much of it.</summary>
/// <param name="Swaps">Of each level, under load; half as many rounds of L0's gap, and a tenth with a full queue.</param>
/// <param name="Rate">Requests a second.</param>
/// <param name="Level">That one alone; unspecified: all.</param>
internal sealed record SwapSuite(IReadOnlyList<string> Archives, int Swaps, int Rate, Level Level)
{
    public const string Usage = "KESTREL.tar NGINX.tar [--swaps 100] [--rate 2000] [--level L0|L1|L2|L3]";

    /// <returns>Null: that is no such command line.</returns>
    public static SwapSuite? TryParse(IReadOnlyList<string> arguments)
    {
        if (arguments.Count < 2 || arguments.Count % 2 != 0) return null;
        var suite = new SwapSuite([arguments[0], arguments[1]], 100, 2000, Level.Unspecified);
        for (var i = 2; i < arguments.Count; i += 2)
        {
            var value = arguments[i + 1];
            var number = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : 0;
            var next = arguments[i] switch
            {
                "--swaps" when number > 0 => suite with { Swaps = number },
                "--rate" when number > 0 => suite with { Rate = number },
                "--level" when Enum.TryParse<Level>(value, out var level) && Enum.IsDefined(level) => suite with { Level = level },
                _ => null,
            };
            if (next is null) return null;
            suite = next;
        }

        return suite;
    }

    public async Task RunAsync(BenchNode node, Report report, CancellationToken cancellation)
    {
        foreach (var archive in Archives) await node.ImportAsync(archive, cancellation);
        if (Level is Level.Unspecified or Level.L0) await new GapBench(node, Math.Max(1, Swaps / 2)).RunAsync(report, cancellation);
        foreach (var kind in ServerKind.All.Where(k => Level == Level.Unspecified || Level == k.Level))
        {
            await new SwapBench(node, Swaps, Rate).RunAsync(kind, report, cancellation);
            await new FullQueueBench(node, Math.Max(1, Swaps / 10)).RunAsync(kind, report, cancellation);
        }
    }
}
