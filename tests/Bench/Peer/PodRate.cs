using System.Collections.Concurrent;
using System.Diagnostics;

namespace ShimRuntime.Bench.Peer;

/// <summary>Pods started one at a time, four and eight at once, on CNI: how many a second, and the CPU time of each (daemon, shims, runc, plugins).</summary>
internal sealed class PodRate : IMeasurement
{
    private const int Batch = 24;
    private const double LeastRatio = 2;
    private const double MostCpuRatio = 0.45;

    public string Name => "rate";

    public async Task RunAsync(Contest contest, CancellationToken cancellation)
    {
        foreach (var parallel in (int[])[1, 4, 8])
        {
            var asked = parallel == 4;
            var rate = contest.Comparison.Add(new ComparedRow($"pods started, {parallel} in parallel, CNI", "1/s") { Target = asked ? Target.PeerAtLeast(LeastRatio) : null });
            var cpu = contest.Comparison.Add(new ComparedRow($"CPU of a pod's start, {parallel} in parallel, CNI", "ms") { Target = asked ? Target.PeerAtMost(MostCpuRatio) : null });
            await contest.InterleaveAsync(Math.Max(1, contest.Rounds / 20), async (contestant, counts) =>
            {
                var (perSecond, perPod) = await StartAsync(contestant, parallel, counts ? Batch : parallel, cancellation);
                if (!counts) return;
                rate.Of(contestant).Add(perSecond);
                cpu.Of(contestant).Add(perPod);
            });
        }
    }

    private static async Task<(double PerSecond, double CpuMilliseconds)> StartAsync(Contestant contestant, int parallel, int count, CancellationToken cancellation)
    {
        var configs = Enumerable.Range(0, count).Select(_ => contestant.NewPod(false)).ToList();
        var options = new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellation };
        var pods = new ConcurrentBag<(string Pod, string Container)>();
        var (clock, before) = (Stopwatch.StartNew(), contestant.Usage.AllCpuMilliseconds);
        await Parallel.ForEachAsync(configs, options, async (config, token) =>
        {
            var (pod, container, _) = await contestant.UpAsync(config, token);
            pods.Add((pod, container));
        });
        var result = (count / clock.Elapsed.TotalSeconds, (contestant.Usage.AllCpuMilliseconds - before) / count);
        await Parallel.ForEachAsync(pods, options, async (pod, token) => await contestant.DownAsync(pod.Pod, pod.Container, token));
        return result;
    }
}
