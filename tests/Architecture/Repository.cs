using System.Runtime.CompilerServices;

namespace ShimRuntime.Architecture.Tests;

/// <summary>The tree that these tests read.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../.."));

    /// <summary>Source files that people write, as paths from the root: "src/…", "tests/…".</summary>
    public static IEnumerable<string> Sources(string below, string extension = ".cs") =>
        Directory.EnumerateFiles(Path.Combine(Root, below), "*" + extension, SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Root, f))
            .Where(f => !f.Split('/').Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal);

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
