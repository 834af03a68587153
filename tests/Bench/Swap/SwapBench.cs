using System.Diagnostics;

namespace ShimRuntime.Bench.Swap;

/// <summary>
/// A server is swapped again and again under load from another network namespace. Before every tenth swap its processes are stopped for a
/// moment, so that hundreds of connections wait in the listener's queue when the swap begins.
/// </summary>
internal sealed class SwapBench(BenchNode node, int swaps, int perSecond)
{
    private const int QueueEvery = 10;
    private const double LeastShare = 0.98; // less is not the load that was asked for: the machine has no time for it
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan QueueTime = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan SwapAhead = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(20);

    public async Task RunAsync(ServerKind kind, Report report, CancellationToken cancellation)
    {
        Console.WriteLine($"{kind.Name}: {swaps} swaps under {perSecond} requests/s");
        await using var server = await SwapServer.StartAsync(node, kind, 0, cancellation);
        using var load = new OpenLoopLoad(server.Target, perSecond);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var before = await server.CountersAsync();
        var clock = Stopwatch.StartNew();
        var loading = load.RunAsync(stop.Token);
        var (times, longestQueue) = (new List<double>(), 0);
        try
        {
            await Task.Delay(WarmUp, cancellation);
            for (var i = 1; i <= swaps && !loading.IsCompleted; i++)
            {
                var swap = i % QueueEvery == 0 ? SwapBehindQueueAsync(server, kind, q => longestQueue = Math.Max(longestQueue, q), cancellation)
                    : server.SwapAsync(kind.Ready, Drain, cancellation);
                times.Add((await swap).TotalMilliseconds);
                await Task.Delay(Settle, cancellation);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await loading;
            Console.WriteLine($"{kind.Name}: {times.Count} swaps in {clock.Elapsed.TotalSeconds:0} s, {load.Tally}");
        }

        report.AddAtLeast($"{kind.Name}: requests/s, of {perSecond}", load.Tally.PerSecond, "", perSecond * LeastShare);
        Tell(report, kind.Name, times, load.Tally);
        Tell(report, kind.Name, before, await server.CountersAsync());
        report.Add($"{kind.Name}: longest queue at the beginning of a swap", longestQueue, "");
    }

    private static async Task<TimeSpan> SwapBehindQueueAsync(SwapServer server, ServerKind kind, Action<int> onQueue, CancellationToken cancellation)
    {
        Task<TimeSpan> swap;
        using (await server.StopAsync(cancellation))
        {
            await Task.Delay(QueueTime, cancellation);
            onQueue(await server.QueueAsync());
            swap = server.SwapAsync(kind.Ready, Drain, cancellation);
            await Task.Delay(SwapAhead, cancellation);
        }

        return await swap;
    }

    private static void Tell(Report report, string name, List<double> times, LoadTally tally)
    {
        report.Note($"{name}: {tally}");
        report.Add($"{name}: requests refused, reset, timed out or answered wrong", tally.Failed, "", 0);
        report.Add($"{name}: swap, p50", Report.Median(times), "ms");
        report.Add($"{name}: swap, p99", times.Order().ElementAt((int)(0.99 * (times.Count - 1))), "ms");
        report.Add($"{name}: request, p99", tally.Percentile(0.99), "ms");
        report.Add($"{name}: worst request", tally.Worst, "ms");
        report.Add($"{name}: worst request without the load's own delay", tally.WorstSinceSent, "ms");
        report.Add($"{name}: sent again on a new connection", tally.Retried, "");
    }

    private static void Tell(Report report, string name, ListenCounters before, ListenCounters after)
    {
        report.Add($"{name}: ListenOverflows", after.Overflows - before.Overflows, "", 0);
        report.Add($"{name}: ListenDrops", after.Drops - before.Drops, "", 0);
    }
}
