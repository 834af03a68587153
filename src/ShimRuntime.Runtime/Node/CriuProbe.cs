using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Node;

/// <summary>
/// Can CRIU work on this kernel? Asked of CRIU itself (<c>criu check</c>, some seconds the first time), before any container is touched, and
/// again only when the binary has changed: the kernel does not.
/// </summary>
public sealed class CriuProbe(ExitWatcher exits)
{
    private const int MaxReasonChars = 600;
    private static readonly ToolRun Tool = new(16 * 1024, TimeSpan.FromSeconds(60), true);

    // Where runc looks: the shim gives it this very path.
    private static readonly string[] Directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    private readonly SingleFlight<string, string?> _flights = new(CancellationToken.None);
    private volatile Answer? _last;

    /// <exception cref="RuntimeFault">FailedPrecondition, with CRIU's own words.</exception>
    public async Task RequireAsync(string failure, CancellationToken client)
    {
        if (await ProblemAsync(client).ConfigureAwait(false) is { } problem) throw RuntimeFault.FailedPrecondition($"{failure}: {problem}");
    }

    /// <summary>Null: it works.</summary>
    public async Task<string?> ProblemAsync(CancellationToken client)
    {
        var path = Directories.Select(d => Path.Combine(d, "criu")).FirstOrDefault(File.Exists);
        if (path is null) return "CRIU is not installed on this node; install it (Debian: criu)";
        var stamp = File.GetLastWriteTimeUtc(path);
        if (_last is { } last && last.Path == path && last.Stamp == stamp) return last.Problem;
        return await _flights.RunAsync(path, async token =>
        {
            var (problem, final) = await AskAsync(path, token).ConfigureAwait(false);
            if (final) _last = new Answer(path, stamp, problem);
            return problem;
        }, client).ConfigureAwait(false);
    }

    private async Task<(string? Problem, bool IsFinal)> AskAsync(string path, CancellationToken cancellation)
    {
        try
        {
            var request = new SpawnRequest { Path = path, Arguments = [path, "check"], NewSession = true };
            var (exit, output) = await Tool.RunAsync(exits, request, cancellation).ConfigureAwait(false);
            if (exit is { Code: 0, Signal: 0 }) return (null, true);
            var words = Reason(Encoding.UTF8.GetString(output));
            return ($"CRIU can't work on this node's kernel ({KernelRelease()}): '{path} check' says: {words}; the container is untouched", true);
        }
        catch (Exception e) when (e is IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return ($"'{path} check' did not end: {e.Message}", false);
        }
    }

    private static string Reason(string output)
    {
        var text = string.Join("; ", output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return text.Length <= MaxReasonChars ? text : text[..MaxReasonChars];
    }

    private static string KernelRelease() => CgroupFile.TryRead("/proc/sys/kernel/osrelease") ?? "unknown";

    private sealed record Answer(string Path, DateTime Stamp, string? Problem);
}
