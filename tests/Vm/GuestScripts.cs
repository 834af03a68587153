using System.Text.RegularExpressions;

namespace ShimRuntime.Vm.Tests;

/// <summary>What the scripts of guest.d promise in their first lines: on which machines they run, and every check that they print.</summary>
internal static partial class GuestScripts
{
    private static string Folder => Path.Combine(Repository.Root, "tests/Vm/guest.d");

    public static IReadOnlyList<string> ChecksOn(string machine, bool quickOnly)
    {
        List<string> names = [];
        foreach (var head in Directory.GetFiles(Folder, "*.sh").Order(StringComparer.Ordinal).Select(Head))
        {
            if (quickOnly && !head.Contains("# quick")) continue;
            if (!Words(head, Machines()).Contains(machine)) continue;
            names.AddRange(Words(head, Checks()));
        }

        return names;
    }

    private static List<string> Head(string file) => [.. File.ReadLines(file).TakeWhile(l => l.StartsWith('#'))];

    private static IEnumerable<string> Words(IEnumerable<string> head, Regex line) =>
        head.Select(l => line.Match(l)).Where(m => m.Success)
            .SelectMany(m => m.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    [GeneratedRegex("^# machines: (.*)$")]
    private static partial Regex Machines();

    [GeneratedRegex("^# checks: (.*)$")]
    private static partial Regex Checks();
}
