using Spectre.Console;

namespace ShimRuntime.Cli.Output;

/// <summary>Aligned columns without borders, one line a row whatever the terminal's width, so that grep and awk work on them.</summary>
internal sealed class TextTable
{
    private readonly Table _table = new Table().NoBorder().Collapse();

    public TextTable(params ReadOnlySpan<string> headings)
    {
        foreach (var heading in headings) _table.AddColumn(new TableColumn(new Text(heading)).NoWrap().PadLeft(0).PadRight(3));
    }

    public void Add(params IEnumerable<string> cells) => _table.AddRow(cells.Select(c => new Text(Printable(c))));

    public void Print()
    {
        var writer = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(writer) });
        console.Profile.Width = 10_000;
        console.Write(_table);
        foreach (var line in writer.ToString().TrimEnd('\n').Split('\n')) Console.Out.WriteLine(line.TrimEnd());
    }

    /// <summary>Names and labels come from pods: control characters must not reach the operator's terminal.</summary>
    internal static string Printable(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;
}
