using System.Globalization;

namespace ShimRuntime.Bench.Restart;

/// <summary>How much is replaced, and under how much.</summary>
/// <param name="Writer">writer.c, built.</param>
/// <param name="Containers">That write and serve, beside the one at full pipe speed.</param>
/// <param name="Upgrades">Of the daemon.</param>
/// <param name="Rolls">Of all shims.</param>
/// <param name="Many">Containers of the last part.</param>
internal sealed record RestartSuite(string Writer, int Containers, int Upgrades, int Rolls, int Many)
{
    public const string Usage = "WRITER [--containers 100] [--upgrades 20] [--rolls 5] [--many 300]";

    /// <returns>Null: that is no such command line.</returns>
    public static RestartSuite? TryParse(IReadOnlyList<string> arguments)
    {
        if (arguments.Count % 2 != 1) return null;
        var suite = new RestartSuite(Path.GetFullPath(arguments[0]), 100, 20, 5, 300);
        for (var i = 1; i < arguments.Count; i += 2)
        {
            if (!int.TryParse(arguments[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
            var next = arguments[i] switch
            {
                "--containers" when number > 0 => suite with { Containers = number },
                "--upgrades" => suite with { Upgrades = number },
                "--rolls" => suite with { Rolls = number },
                "--many" when number > 0 => suite with { Many = number },
                _ => null,
            };
            if (next is null) return null;
            suite = next;
        }

        return suite;
    }
}
