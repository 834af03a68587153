using System.Text;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Absolute paths from a request: no NUL, no "..", at most PATH_MAX; returned without "." and doubled or trailing slashes.
/// </summary>
internal static class ContainerPath
{
    private const int MaxBytes = 4095; // PATH_MAX less the terminator, path_resolution(7)
    private const int MaxNameBytes = 255;

    /// <param name="field">The field's name, for the refusal.</param>
    public static string Clean(string path, string field)
    {
        if (path.Length == 0) throw Refusal.Invalid(field, "is empty; give an absolute path");
        if (path.Contains('\0')) throw Refusal.Invalid(field, "contains a NUL byte");
        if (path[0] != '/') throw Refusal.Invalid(field, $"'{Show(path)}' is relative; give an absolute path");
        if (Encoding.UTF8.GetByteCount(path) > MaxBytes) throw Refusal.Invalid(field, $"is longer than {MaxBytes} bytes");
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        foreach (var part in parts)
        {
            if (part == "..") throw Refusal.Invalid(field, $"'{Show(path)}' contains '..'; give the path that it stands for");
            if (Encoding.UTF8.GetByteCount(part) > MaxNameBytes)
            {
                throw Refusal.Invalid(field, $"has a component longer than {MaxNameBytes} bytes");
            }
        }

        return "/" + string.Join('/', parts.Where(p => p != "."));
    }

    /// <summary>Number of components: "/" has none.</summary>
    public static int Depth(string cleanPath) => cleanPath == "/" ? 0 : cleanPath.Count(c => c == '/');

    /// <summary>True for the directory itself and for what is below it; both paths clean.</summary>
    public static bool IsWithin(string path, string directory) =>
        path == directory || directory == "/" || path.StartsWith(directory + "/", StringComparison.Ordinal);

    /// <summary>For messages: at most 200 characters, control characters as '?'.</summary>
    public static string Show(string text)
    {
        var cut = text.Length > 200 ? text[..200] + "…" : text;
        return string.Create(cut.Length, cut, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) ? '?' : source[i];
        });
    }
}
