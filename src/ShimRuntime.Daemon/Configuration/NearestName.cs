namespace ShimRuntime.Daemon.Configuration;

/// <summary>"Did you mean": the known name with the fewest edits to one that is not known.</summary>
internal static class NearestName
{
    /// <summary>Ties go to the earlier name. Null when there is none at all.</summary>
    public static string? Of(string unknown, IEnumerable<string> known) => known.MinBy(name => Distance(unknown, name));

    /// <summary>Levenshtein's distance, two adjacent letters swapped counting as one edit (optimal string alignment).</summary>
    public static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replace, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                var swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if (swapped) rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }

        return rows[a.Length, b.Length];
    }
}
