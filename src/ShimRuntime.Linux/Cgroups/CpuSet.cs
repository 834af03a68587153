using System.Globalization;
using System.Text;

namespace ShimRuntime.Linux;

/// <summary>Lists of processors or memory nodes as cpuset(7) writes them: <c>0-3,8</c>.</summary>
public static class CpuSet
{
    private const int MaxId = 65_535;

    /// <summary>Null: not such a list.</summary>
    public static SortedSet<int>? TryParse(string text)
    {
        SortedSet<int> ids = [];
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var dash = part.IndexOf('-');
            if (!TryId(dash < 0 ? part : part[..dash], out var first) || !TryId(dash < 0 ? part : part[(dash + 1)..], out var last))
                return null;
            for (var id = first; id <= last; id++) ids.Add(id);
        }

        return ids;
    }

    /// <summary>Both lists as one, in ranges.</summary>
    public static string Union(string a, string b)
    {
        SortedSet<int> all = [.. TryParse(a) ?? [], .. TryParse(b) ?? []];
        var text = new StringBuilder();
        var (first, last) = (-1, -2);
        foreach (var id in all)
        {
            if (id != last + 1)
            {
                Append(text, first, last);
                first = id;
            }

            last = id;
        }

        Append(text, first, last);
        return text.ToString();
    }

    private static void Append(StringBuilder text, int first, int last)
    {
        if (last < first) return;
        if (text.Length > 0) text.Append(',');
        text.Append(CultureInfo.InvariantCulture, $"{first}");
        if (last > first) text.Append(CultureInfo.InvariantCulture, $"-{last}");
    }

    private static bool TryId(string text, out int id) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id <= MaxId;
}
