using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Peer;

/// <summary>What 10, 100 and 300 pods cost, and what of it grows faster than their number.</summary>
internal sealed class Growth : IMeasurement
{
    private const double Tolerance = 1.2;
    private const int Rounds = 9;
    private static readonly int[] Counts = [10, 100, 300];

    public string Name => "growth";

    public async Task RunAsync(Contest contest, CancellationToken cancellation)
    {
        var rows = new List<(int Count, ComparedRow Row)>();
        Crowd[] crowds = [.. contest.Both.Select(c => new Crowd(c, NamespaceMode.Container))];
        foreach (var count in Counts)
        {
            foreach (var crowd in crowds) await crowd.GrowAsync(count, cancellation);
            await Task.Delay(TimeSpan.FromSeconds(3), cancellation);
            var measured = await MeasureAsync(contest, cancellation);
            rows.AddRange(measured.Select(row => (count, row)));
            foreach (var row in measured) contest.Comparison.Add(row with { What = $"{row.What}, {count} pods" });
        }

        foreach (var what in rows.Select(r => r.Row.What).Distinct()) Judge(contest, what, [.. rows.Where(r => r.Row.What == what)]);
        foreach (var crowd in crowds) await crowd.LeaveAsync(cancellation);
    }

    private static async Task<IReadOnlyList<ComparedRow>> MeasureAsync(Contest contest, CancellationToken cancellation)
    {
        ComparedRow daemon = new("daemon PSS", "MB"), all = new("PSS of daemon, shims, pauses", "MB"), list = new("ListContainers", "ms"),
            stats = new("ListContainerStats", "ms"), start = new("start of one more pod, host network", "ms");
        foreach (var contestant in contest.Both)
        {
            daemon.Of(contestant).Add(contestant.Usage.DaemonMegabytes);
            all.Of(contestant).Add(contestant.Usage.Megabytes);
        }

        await contest.InterleaveAsync(Rounds, async (contestant, counts) =>
        {
            var (pod, container, up) = await contestant.UpAsync(contestant.NewPod(true), cancellation);
            await contestant.DownAsync(pod, container, cancellation);
            var listed = await PodCalls.TimeAsync(async () => await contestant.Runtime.ListContainersAsync(new ListContainersRequest(), cancellationToken: cancellation));
            var told = await PodCalls.TimeAsync(async () => await contestant.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest(), cancellationToken: cancellation));
            if (!counts) return;
            start.Of(contestant).Add(up.Sum());
            list.Of(contestant).Add(listed);
            stats.Of(contestant).Add(told);
        });
        return [daemon, all, list, stats, start];
    }

    private static void Judge(Contest contest, string what, IReadOnlyList<(int Count, ComparedRow Row)> points)
    {
        foreach (var contestant in contest.Both)
        {
            for (var i = 1; i < points.Count; i++)
            {
                var (times, grown) = ((double)points[i].Count / points[i - 1].Count, points[i].Row.Of(contestant).Median / points[i - 1].Row.Of(contestant).Median);
                if (grown > times * Tolerance)
                    contest.Comparison.Note($"{contestant.Kind.Name}: {what} grows {grown:0.0} times from {points[i - 1].Count} to {points[i].Count} pods: faster than linearly");
            }
        }
    }
}
