using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// What a pod init writes before it is one: a zero byte, and the end of file once it was let go; or a sentence that says why not. Anything
/// else comes from another release's binary, or from no shim.
/// </summary>
internal static class PodInitReport
{
    private static ReadOnlySpan<byte> Ready => [0];

    /// <summary>Everything that was written until the end of file.</summary>
    public static bool IsReady(ReadOnlySpan<byte> report) => report.SequenceEqual(Ready);

    /// <summary>Why there is no pod init, for whoever asked for the pod.</summary>
    /// <param name="exit">How the process ended; null when it had to be killed.</param>
    public static string Explain(ReadOnlySpan<byte> report, string shimPath, ExitCode? exit)
    {
        // The report of an init that failed after it was ready begins with the zero byte.
        var rest = report.StartsWith(Ready) ? report[1..] : report;
        if (ShimSentence.TryRead(rest) is { } sentence) return $"the pod init could not start: {sentence}";
        if (rest.IsEmpty) return $"the pod init '{shimPath}' ended before it was ready ({exit?.ToString() ?? "killed"}); {ShimSentence.Advice}";
        return $"'{shimPath}' answers as no pod init of this release does, with {ShimSentence.Describe(rest)}; {ShimSentence.Advice}";
    }
}
