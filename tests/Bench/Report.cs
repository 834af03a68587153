using System.Globalization;

namespace ShimRuntime.Bench;

/// <summary>Rows with a value, a unit, a budget and whether it holds.</summary>
internal sealed class Report
{
    private readonly List<(string What, double Value, string Unit, double? Budget)> _rows = [];

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    public void Add(string what, double value, string unit, double? budget = null) => _rows.Add((what, value, unit, budget));

    /// <summary>True when every row with a budget holds it.</summary>
    public bool Print()
    {
        Console.WriteLine();
        Console.WriteLine($"{"what",-68} {"value",10} {"unit",-6} {"budget",8}");
        foreach (var (what, value, unit, budget) in _rows)
        {
            var verdict = budget is null ? "" : Holds(value, budget) ? "ok" : "SHORT";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-68} {value,10:0.00} {unit,-6} {(budget is { } b ? $"<= {b:0.##}" : ""),8} {verdict}"));
        }

        return _rows.All(r => Holds(r.Value, r.Budget));
    }

    private static bool Holds(double value, double? budget) => budget is null || value <= budget;
}
