using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime;
using ShimRuntime.Runtime.Doctor;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// <c>shimruntimed --doctor</c>: the search of <see cref="IDoctorService"/> while no daemon serves from these directories, under their locks.
/// Every record is the next daemon's to judge, so only what no record names is found.
/// </summary>
internal static class DoctorRun
{
    /// <summary>True: nothing was found, or all is fixed.</summary>
    /// <exception cref="RuntimeFault">FailedPrecondition: a daemon serves.</exception>
    public static async Task<bool> RunAsync(DaemonConfig config, bool fix, TextWriter output)
    {
        foreach (var directory in new[] { config.Root, config.State })
        {
            if (DirectoryLock.Holder(directory) is not { } pid) continue;
            throw RuntimeFault.FailedPrecondition($"failed to look for orphans: the daemon with pid {pid} serves from '{directory}' and knows better; "
                + $"ask it: shimctl --endpoint {config.Listen} doctor");
        }

        if (!Directory.Exists(config.Root) || !Directory.Exists(config.State))
        {
            output.WriteLine($"nothing was found: there is no {(Directory.Exists(config.Root) ? config.State : config.Root)}");
            return true;
        }

        ProcessSetup.Apply();
        using var locks = DaemonLocks.Take(config);
        var findings = await ExamineAsync(config, fix);
        foreach (var finding in findings) Print(finding, output);
        output.WriteLine(findings.Count == 0 ? "nothing was found" : $"{findings.Count} found, {findings.Count(f => f.Outcome == FindingOutcome.Fixed)} fixed");
        return findings.All(f => f.Outcome == FindingOutcome.Fixed);
    }

    private static async Task<IReadOnlyList<Finding>> ExamineAsync(DaemonConfig config, bool fix)
    {
        using var end = new CancellationTokenSource();
        using var exits = new ExitWatcher();
        await using var images = await ImageServices.OpenAsync(config.ToImageOptions(), NullLoggerFactory.Instance, end.Token);
        var dependencies = new RuntimeDependencies(images.Images, images.Snapshots, exits, NullLoggerFactory.Instance);
        await using var runtime = RuntimeServices.Open(config.ToRuntimeOptions(), dependencies, end.Token);
        return await runtime.Doctor.ExamineAsync(fix, end.Token);
    }

    private static void Print(Finding finding, TextWriter output)
    {
        output.WriteLine($"{finding.Kind} {finding.Subject}");
        output.WriteLine($"  named by  {finding.NamedBy}");
        output.WriteLine($"  why       {finding.Why}");
        output.WriteLine($"  fix       {finding.Remedy}");
        if (finding.Outcome != FindingOutcome.Found) output.WriteLine($"  outcome   {(finding.Outcome == FindingOutcome.Fixed ? "fixed" : "left: " + finding.Error)}");
    }
}
