using System.Diagnostics;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Restart;

/// <summary>
/// Daemon and shims are replaced again and again under a full node: containers that log, one of them without pause, pods that are asked, clients
/// of CRI, log rotation, and at each step some containers that end. Then the daemon is killed, with few and with many containers.
/// </summary>
internal sealed class RestartBench(BenchNode node, RestartSuite suite)
{
    private const double PauseBudgetMilliseconds = 2000;
    private const int Kills = 5;
    private readonly string _gates = Directory.CreateDirectory(Path.Combine(node.Work, "gates")).FullName;
    private readonly List<double> _upgrades = [];
    private readonly List<double> _pauses = [];
    private readonly List<double> _rolls = [];
    private readonly List<string> _exitFaults = [];

    public async Task RunAsync(Report report, CancellationToken cancellation)
    {
        var (writers, leavers) = (new Writers(node, suite.Writer, _gates), new Leavers(node, _gates));
        await writers.StartAsync(suite.Containers, cancellation);
        await leavers.StartAsync(cancellation);
        var callers = new Callers(node, writers.Addresses);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var (clock, background) = (Stopwatch.StartNew(), Task.WhenAll(callers.RunAsync(stop.Token), writers.RotateAsync(stop.Token)));
        try
        {
            await StepsAsync(leavers, callers, cancellation);
        }
        finally
        {
            await stop.CancelAsync();
            await background;
        }

        var seconds = clock.Elapsed.TotalSeconds;
        await KillAsync(report, suite.Containers, cancellation);
        var logFaults = await writers.EndAsync();
        foreach (var fault in (IEnumerable<string>)[.. logFaults, .. _exitFaults, .. callers.Http.Failures, .. callers.Cri.Failures]) report.Note(fault);
        report.Add("numbered lines, a second", writers.Lines / seconds, "");
        report.Add("of them the one at full pipe speed", writers.FastBytes / 1e6 / seconds, "MB/s");
        report.Add("logs with a line lost, doubled or out of order", logFaults.Count, "", 0);
        report.Add($"exit codes lost or wrong, of {(suite.Upgrades + suite.Rolls) * Leavers.PerStep}", _exitFaults.Count, "", 0);
        Tell(report, callers);
        await leavers.DownAsync();
        await writers.DownAsync();
        await ManyAsync(report, cancellation);
    }

    private async Task StepsAsync(Leavers leavers, Callers callers, CancellationToken cancellation)
    {
        for (var i = 0; i < suite.Upgrades; i++)
        {
            await StepAsync(leavers, _upgrades, () => node.UpgradeAsync(cancellation), cancellation);
            var now = Stopwatch.GetTimestamp();
            _pauses.Add(callers.Cri.Longest(now - (long)(_upgrades[^1] / 1000 * Stopwatch.Frequency) - Stopwatch.Frequency * 2, now));
        }

        for (var i = 0; i < suite.Rolls; i++) await StepAsync(leavers, _rolls, () => node.UpgradeShimsAsync(cancellation), cancellation);
    }

    private async Task StepAsync(Leavers leavers, List<double> times, Func<Task> replace, CancellationToken cancellation)
    {
        await leavers.PrepareAsync(cancellation);
        leavers.Leave();
        var clock = Stopwatch.StartNew();
        await replace();
        times.Add(clock.Elapsed.TotalMilliseconds);
        _exitFaults.AddRange(await leavers.JudgeAsync(cancellation));
        Console.WriteLine($"step {_upgrades.Count + _rolls.Count} of {suite.Upgrades + suite.Rolls}: {times[^1]:0} ms");
    }

    private void Tell(Report report, Callers callers)
    {
        report.Add($"requests to pods that failed, of {callers.Http.Answered + callers.Http.Failed}", callers.Http.Failed, "", 0);
        report.Add("request to a pod, p99", callers.Http.Percentile(0.99), "ms");
        report.Add($"CRI calls refused or failed, of {callers.Cri.Answered + callers.Cri.Failed}", callers.Cri.Failed, "", 0);
        report.Add("daemon upgrade, p50", Report.Median(_upgrades), "ms");
        report.Add("longest CRI call around an upgrade, p50", Report.Median(_pauses), "ms", PauseBudgetMilliseconds);
        report.Add("longest CRI call around an upgrade, worst", _pauses.DefaultIfEmpty(double.NaN).Max(), "ms");
        if (_rolls.Count > 0) report.Add($"all {suite.Containers + 2 + Leavers.PerStep} shims upgraded, p50", Report.Median(_rolls), "ms");
    }

    private async Task KillAsync(Report report, int containers, CancellationToken cancellation)
    {
        var times = new List<double>();
        for (var i = 0; i < Kills; i++) times.Add((await node.RestartAsync(cancellation)).TotalMilliseconds);
        report.Add($"kill -9, then from the start of the daemon to its first answer, {containers} containers, p50", Report.Median(times), "ms");
    }

    private async Task ManyAsync(Report report, CancellationToken cancellation)
    {
        var pods = new List<string>();
        for (var i = 0; i < suite.Many; i++)
            pods.Add((await node.UpAsync(node.Pod($"many{i}", true, NamespaceMode.Container), NamespaceMode.Container, cancellation)).Pod);
        await KillAsync(report, suite.Many, cancellation);
        var clock = Stopwatch.StartNew();
        await node.UpgradeShimsAsync(cancellation);
        report.Add($"all {suite.Many} shims upgraded in one roll", clock.Elapsed.TotalMilliseconds, "ms");
        await Parallel.ForEachAsync(pods, cancellation, async (pod, _) => await node.DownAsync(pod));
    }
}
