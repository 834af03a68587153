using System.Text;

namespace ShimRuntime.Shim.Runc;

/// <summary>CRIU's log: lines such as <c>(01.180773) Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds</c>.</summary>
internal static class CriuLog
{
    private const int MaxErrors = 3;
    private const int MaxErrorChars = 300;

    /// <summary>The first errors in the log's end, joined; the ones after them are their consequences. Null when there is none.</summary>
    public static string? Errors(string path) => LogTail.Read(path) is { } tail ? ErrorsIn(Encoding.UTF8.GetString(tail)) : null;

    /// <inheritdoc cref="Errors(string)"/>
    internal static string? ErrorsIn(ReadOnlySpan<char> text)
    {
        var errors = new List<string>();
        foreach (var line in text.EnumerateLines())
        {
            var at = line.IndexOf("Error (", StringComparison.Ordinal);
            if (at < 0) continue;
            var rest = line[at..];
            var words = rest[(rest.IndexOf("): ", StringComparison.Ordinal) is var end and >= 0 ? end + 3 : 0)..];
            errors.Add(words[..Math.Min(words.Length, MaxErrorChars)].ToString());
            if (errors.Count == MaxErrors) break;
        }

        return errors.Count == 0 ? null : string.Join("; ", errors);
    }
}
