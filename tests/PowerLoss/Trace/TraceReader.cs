using System.Globalization;

namespace ShimRuntime.PowerLoss.Tests.Trace;

/// <summary>
/// Reads what `strace -f -ttt -T -y -xx` wrote. A call that others interrupt stands in two lines, and counts where it returned:
/// <code>
/// 4711 1700000000.123456 fsync(7&lt;\x2f…&gt; &lt;unfinished ...&gt;
/// 4711 1700000000.125000 &lt;... fsync resumed&gt;) = 0 &lt;0.001544&gt;
/// </code>
/// </summary>
internal static class TraceReader
{
    private const string Unfinished = " <unfinished ...>";

    public static IEnumerable<TracedCall> Read(string path)
    {
        var begun = new Dictionary<int, (string Text, int Line)>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            var first = line.IndexOf(' ', StringComparison.Ordinal);
            var thread = int.Parse(line.AsSpan(0, first), CultureInfo.InvariantCulture);
            var rest = line.AsSpan(first).TrimStart();
            var second = rest.IndexOf(' ');
            var at = double.Parse(rest[..second], CultureInfo.InvariantCulture);
            var text = rest[(second + 1)..].ToString();
            if (text.StartsWith("+++", StringComparison.Ordinal) || text.StartsWith("---", StringComparison.Ordinal)) continue;
            if (text.EndsWith(Unfinished, StringComparison.Ordinal))
            {
                begun[thread] = (text[..^Unfinished.Length], number);
                continue;
            }

            var entered = number;
            var resumed = text.StartsWith("<... ", StringComparison.Ordinal);
            if (resumed)
            {
                if (!begun.Remove(thread, out var start)) continue;
                (text, entered) = (start.Text + text[(text.IndexOf(" resumed>", StringComparison.Ordinal) + " resumed>".Length)..], start.Line);
            }

            if (Parse(text, resumed) is { } call)
                yield return call with { Thread = thread, ReturnedAt = at + call.ReturnedAt, EnteredAtLine = entered, ReturnedAtLine = number };
        }
    }

    /// <summary>Null: it failed, or never returned. The time in it is what is to be added to the line's: -ttt gives the entry of a call in one line.</summary>
    private static TracedCall? Parse(string text, bool timeIsOfReturn)
    {
        var open = text.IndexOf('(', StringComparison.Ordinal);
        var close = text.LastIndexOf(") ", StringComparison.Ordinal);
        while (close > 0 && !text.AsSpan(close + 1).TrimStart().StartsWith("= ")) close = text.LastIndexOf(") ", close - 1, StringComparison.Ordinal);
        if (open < 0 || close < open) return null;
        var result = text[(text.IndexOf('=', close) + 1)..].Trim();
        if (result.StartsWith('-') || result.StartsWith('?')) return null;
        var took = result.LastIndexOf('<');
        var duration = double.Parse(result.AsSpan()[(took + 1)..^1], CultureInfo.InvariantCulture);
        var value = result[..took].Trim();
        var digits = value.TakeWhile(char.IsAsciiDigit).Count();
        return new TracedCall(
            text[..open], TraceText.Split(text.AsSpan(open + 1, close - open - 1)), long.Parse(value.AsSpan(0, digits), CultureInfo.InvariantCulture), TraceText.PathOf(value))
        {
            Thread = 0, ReturnedAt = timeIsOfReturn ? 0 : duration, EnteredAtLine = 0, ReturnedAtLine = 0,
        };
    }
}
