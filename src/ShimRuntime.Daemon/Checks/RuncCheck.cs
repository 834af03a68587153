using ShimRuntime.Linux;
using ShimRuntime.Runtime;
using ShimRuntime.Runtime.Node;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Asks runc for its version, as Status does, and judges the number.</summary>
internal static class RuncCheck
{
    private const string Subject = "runc";

    public static async Task<CheckResult> RunAsync(string path, ExitWatcher exits)
    {
        if (BinaryChecks.Problem(Subject, path, "install runc, or set runc_path") is { } problem) return problem;
        var answer = await new RuncProbe(path, exits).AskAsync(CancellationToken.None);
        return answer.Version is null ? CheckResult.Broken(Subject, answer.Failure!) : Judge(path, answer.Version);
    }

    /// <summary>
    /// The handlers of [runtimes.NAME], one line each. What is wrong with one limits the node and does not break it: pods of the others run.
    /// </summary>
    public static async Task<IReadOnlyList<CheckResult>> HandlersAsync(RuntimeOptions options, ExitWatcher exits)
    {
        var handlers = new RuntimeHandlers(options, exits);
        var results = new List<CheckResult>();
        foreach (var handler in options.Handlers)
        {
            var answer = await handlers.AskAsync(handler.Name, "failed to check", CancellationToken.None);
            var detail = $"handler {handler.Name}: {answer.Failure ?? $"{handler.Path} is {answer.Probe.Version!.Text}"}";
            results.Add(answer.Failure is null ? CheckResult.Fine(Subject, detail) : CheckResult.Limited(Subject, detail));
        }

        return results;
    }

    internal static CheckResult Judge(string path, RuncVersion version)
    {
        // 1.1 brought the `run --detach` and cgroup v2 behaviour that the shim relies on.
        if ((version.Major, version.Minor).CompareTo((1, 1)) < 0)
        {
            return CheckResult.Broken(Subject, $"{path} is {version.Text}; 1.1 is the oldest that works");
        }

        var problems = version.KnownProblems();
        return problems.Count == 0
            ? CheckResult.Fine(Subject, $"{path} is {version.Text}")
            : CheckResult.Limited(Subject, $"{path} is {version.Text}; see that your distribution has fixed {string.Join("; ", problems)}");
    }
}
