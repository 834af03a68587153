using System.Globalization;

namespace ShimRuntime.Bench;

/// <summary>Rows with a value, a unit, a budget and whether it holds.</summary>
internal sealed class Report
{
    private readonly List<(string What, double Value, string Unit, double? Budget)> _rows = [];
    private readonly List<string> _notes = [];

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>A line above the table.</summary>
    public void Note(string text) => _notes.Add(text);

    public void Add(string what, double value, string unit, double? budget = null) => _rows.Add((what, value, unit, budget));

    /// <summary>A row whose budget is a floor.</summary>
    public void AddAtLeast(string what, double value, string unit, double? floor) => _rows.Add((what, value, unit, -floor));

    /// <summary>True when every row with a budget holds it.</summary>
    public bool Print()
    {
        Console.WriteLine();
        foreach (var note in _notes) Console.WriteLine(note);
        Console.WriteLine($"{"what",-68} {"value",10} {"unit",-6} {"budget",8}");
        foreach (var (what, value, unit, budget) in _rows)
        {
            var verdict = budget is null ? "" : Holds(value, budget) ? "ok" : "SHORT";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-68} {value,10:0.00} {unit,-6} {Words(budget),8} {verdict}"));
        }

        return _rows.All(r => Holds(r.Value, r.Budget));
    }

    // A floor is kept as its negative: no ceiling is below zero.
    private static string Words(double? budget) => budget is not { } b ? "" : b < 0 ? $">= {-b:0.##}" : $"<= {b:0.##}";

    private static bool Holds(double value, double? budget) => budget is not { } b || (b < 0 ? value >= -b : value <= b);
}
