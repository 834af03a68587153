using System.Globalization;

namespace ShimRuntime.Runtime.Node;

/// <summary>
/// A version of runc and what is known to be wrong with it upstream. Distributions put fixes into old versions, so an old number is
/// reported, never refused.
/// </summary>
public sealed record RuncVersion(int Major, int Minor, int Patch, string Text)
{
    /// <summary>What it calls itself: runc, crun.</summary>
    public string Program { get; init; } = "runc";

    /// <summary>From `runc --version`: "runc version 1.1.5+ds1", or crun's "crun version 1.8.1". Null: no such line.</summary>
    public static RuncVersion? Parse(string output)
    {
        var line = output.Split('\n').FirstOrDefault(l => l.Split(' ') is [_, "version", _, ..]);
        if (line is null) return null;
        var text = line.Split(' ', 3)[2].Trim();
        var numbers = text.Split('.', 3);
        if (numbers.Length < 3) return null;
        var patch = new string([.. numbers[2].TakeWhile(char.IsAsciiDigit)]);
        return TryNumber(numbers[0], out var major) && TryNumber(numbers[1], out var minor) && TryNumber(patch, out var third)
            ? new RuncVersion(major, minor, third, text) { Program = line.Split(' ')[0] }
            : null;
    }

    /// <summary>Advisories whose fix this version is older than; empty: none known.</summary>
    public IReadOnlyList<string> KnownProblems()
    {
        var problems = new List<string>();
        if (Program != "runc") return problems;
        if (IsOlderThan(1, 1, 12)) problems.Add("CVE-2024-21626 (fixed in 1.1.12): working directory through a leaked fd");
        // Three release lines got the fix; 1.4 has had it from its first release on.
        var fixedLine = (Major, Minor) switch
        {
            (1, 2) => !IsOlderThan(1, 2, 8),
            (1, 3) => !IsOlderThan(1, 3, 3),
            _ => !IsOlderThan(1, 4, 0),
        };
        if (!fixedLine)
            problems.Add("CVE-2025-31133, -52565, -52881 (fixed in 1.2.8, 1.3.3, 1.4.0): masked paths and /dev/console swapped");
        return problems;
    }

    private bool IsOlderThan(int major, int minor, int patch) => (Major, Minor, Patch).CompareTo((major, minor, patch)) < 0;

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
