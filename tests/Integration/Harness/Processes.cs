using System.Globalization;
using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>/proc, read without ever failing: a process that is gone or not ours to see answers with nothing.</summary>
public static class Processes
{
    public static IEnumerable<int> All() =>
        Directory.EnumerateDirectories("/proc").Select(d => Path.GetFileName(d)).Where(n => char.IsAsciiDigit(n[0]))
            .Select(n => int.Parse(n, CultureInfo.InvariantCulture));

    public static string Read(int pid, string file) => Read($"/proc/{pid}/{file}");

    /// <summary>Target of a link such as exe, root or ns/pid.</summary>
    public static string Link(int pid, string name) => Quietly(() => new FileInfo($"/proc/{pid}/{name}").LinkTarget ?? "");

    public static IReadOnlyList<string> FdTargets(int pid) =>
        [.. Quietly(() => Directory.GetFiles($"/proc/{pid}/fd"), []).Select(f => Quietly(() => new FileInfo(f).LinkTarget ?? "")).Where(t => t.Length > 0)];

    /// <summary>0 when the process is gone.</summary>
    public static int ParentOf(int pid) => Stat(pid) is { Length: > 1 } fields ? int.Parse(fields[1], CultureInfo.InvariantCulture) : 0;

    /// <summary>R, S, D, Z …; a space when the process is gone.</summary>
    public static char StateOf(int pid) => Stat(pid) is { Length: > 0 } fields ? fields[0][0] : ' ';

    /// <summary>Runs or sleeps: neither gone nor a zombie.</summary>
    public static bool IsAlive(int pid) => StateOf(pid) is not ' ' and not 'Z' and not 'X';

    /// <summary>A field of /proc/pid/status such as NoNewPrivs; empty when absent.</summary>
    public static string Status(int pid, string field) => Field(Read(pid, "status"), field);

    /// <summary>The value after "field:" in a text of such lines.</summary>
    public static string Field(string text, string field) =>
        text.Split('\n').FirstOrDefault(l => l.StartsWith(field + ":", StringComparison.Ordinal))?[(field.Length + 1)..].Trim() ?? "";

    private static string[] Stat(int pid)
    {
        var stat = Read(pid, "stat");
        var end = stat.LastIndexOf(')');
        return end < 0 ? [] : stat[(end + 2)..].Split(' ');
    }

    private static string Read(string path) => Quietly(() => Encoding.UTF8.GetString(File.ReadAllBytes(path)));

    private static string Quietly(Func<string> read) => Quietly(read, "");

    private static T Quietly<T>(Func<T> read, T otherwise)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return otherwise;
        }
    }
}
