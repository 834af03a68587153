using System.Diagnostics;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench;

/// <summary>
/// ListContainerStats, and how long a daemon that was killed takes to its first answer, at two numbers of real containers; what 500 would take follows
/// from the line through both, which is what such a machine can hold.
/// </summary>
internal sealed class ScaleBench(BenchNode node)
{
    private const int Few = 20;
    private const int Many = 100;
    private const int Asked = 500;
    private const int Rounds = 9;
    private const double StatsBudgetMilliseconds = 50;
    private const double RecoveryBudgetMilliseconds = 1000;

    public async Task RunAsync(Report report, CancellationToken cancellation)
    {
        var pods = new List<string>();
        await FillAsync(pods, Few, cancellation);
        var few = await MeasureAsync(cancellation);
        await FillAsync(pods, Many, cancellation);
        var many = await MeasureAsync(cancellation);
        report.Add($"ListContainerStats of {Few} containers", few.Stats, "ms");
        report.Add($"ListContainerStats of {Many} containers", many.Stats, "ms");
        report.Add($"ListContainerStats of {Asked} containers, on the line", At(Asked, few.Stats, many.Stats), "ms", StatsBudgetMilliseconds);
        report.Add($"start of the daemon to its first list, {Few} containers", few.Recovery, "ms");
        report.Add($"start of the daemon to its first list, {Many} containers", many.Recovery, "ms");
        report.Add($"start of the daemon to its first list, {Asked} containers, on the line", At(Asked, few.Recovery, many.Recovery), "ms",
            RecoveryBudgetMilliseconds);
        await Parallel.ForEachAsync(pods, cancellation, async (pod, _) => await node.DownAsync(pod));
    }

    private static double At(int count, double few, double many) => few + ((many - few) * (count - Few) / (Many - Few));

    private async Task FillAsync(List<string> pods, int count, CancellationToken cancellation)
    {
        while (pods.Count < count)
        {
            var pod = node.Pod($"scale{pods.Count}", true, NamespaceMode.Container);
            pods.Add((await node.UpAsync(pod, NamespaceMode.Container, cancellation)).Pod);
        }
    }

    private async Task<(double Stats, double Recovery)> MeasureAsync(CancellationToken cancellation)
    {
        var recovery = new List<double>();
        for (var round = 0; round < 3; round++) recovery.Add((await node.RestartAsync(cancellation)).TotalMilliseconds);
        var stats = new List<double>();
        for (var round = 0; round <= Rounds; round++)
        {
            var clock = Stopwatch.StartNew();
            await node.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest(), cancellationToken: cancellation);
            stats.Add(clock.Elapsed.TotalMilliseconds);
        }

        return (Report.Median(stats.Skip(1)), Report.Median(recovery));
    }
}
