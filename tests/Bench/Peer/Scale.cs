using System.Globalization;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Peer;

/// <summary>
/// Memory, idle CPU, lists and recovery by the number of pods. Both runtimes hold their pods at the same time; idle time is measured for both at once,
/// calls in turn.
/// </summary>
internal sealed class Scale : IMeasurement
{
    private const double MostPodRatio = 0.25;
    private const double MostDaemonRatio = 0.55;
    private const double MostIdleMilliseconds = 2;
    private const double MostStatsRatio = 0.05;
    private const double MostRecoveryRatio = 0.2;
    private const int Recoveries = 3;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(20);

    public string Name => "scale";

    public async Task RunAsync(Contest contest, CancellationToken cancellation)
    {
        Crowd[] crowds = [new(contest.Ours, NamespaceMode.Container), new(contest.Peer, NamespaceMode.Container)];
        var empty = await MegabytesAsync(contest, cancellation);
        Daemon(contest, 0, MostDaemonRatio);
        foreach (var count in (int[])[30, 100])
        {
            foreach (var crowd in crowds) await crowd.GrowAsync(count, cancellation);
            await IdleAsync(contest, count, cancellation);
            var full = await MegabytesAsync(contest, cancellation);
            PerPod(contest, $"PSS per pod, pid CONTAINER, {count} pods", (empty, full), count, MostPodRatio);
            Daemon(contest, count, count == 30 ? MostDaemonRatio : null);
            await ListsAsync(contest, count, cancellation);
        }

        await RecoverAsync(contest, 100, cancellation);
        foreach (var crowd in crowds) await crowd.LeaveAsync(cancellation);
        await WithPausesAsync(contest, 30, cancellation);
    }

    private static async Task<Dictionary<Contestant, double>> MegabytesAsync(Contest contest, CancellationToken cancellation)
    {
        await Task.Delay(Settle, cancellation);
        return contest.Both.ToDictionary(c => c, c => c.Usage.Megabytes);
    }

    private static void Daemon(Contest contest, int count, double? target)
    {
        var row = contest.Comparison.Add(new ComparedRow($"daemon PSS, {count} pods", "MB") { Target = target is { } ratio ? Target.PeerAtMost(ratio) : null });
        foreach (var contestant in contest.Both) row.Of(contestant).Add(contestant.Usage.DaemonMegabytes);
    }

    private static void PerPod(
        Contest contest, string what, (Dictionary<Contestant, double> Empty, Dictionary<Contestant, double> Full) sums, int count, double? target)
    {
        var row = contest.Comparison.Add(new ComparedRow(what, "MB") { Target = target is { } ratio ? Target.PeerAtMost(ratio) : null });
        foreach (var contestant in contest.Both) row.Of(contestant).Add((sums.Full[contestant] - sums.Empty[contestant]) / count);
    }

    private static async Task IdleAsync(Contest contest, int count, CancellationToken cancellation)
    {
        var row = contest.Comparison.Add(new ComparedRow($"CPU of an idle node, {count} pods", "ms/s") { Target = Target.AtMost(MostIdleMilliseconds) });
        await Task.Delay(Settle, cancellation);
        var before = contest.Both.ToDictionary(c => c, c => c.Usage.RuntimeCpuMilliseconds);
        await Task.Delay(Idle, cancellation);
        foreach (var contestant in contest.Both) row.Of(contestant).Add((contestant.Usage.RuntimeCpuMilliseconds - before[contestant]) / Idle.TotalSeconds);
    }

    private static async Task ListsAsync(Contest contest, int count, CancellationToken cancellation)
    {
        var list = contest.Comparison.Add(new ComparedRow($"ListContainers, {count} pods", "ms"));
        var stats = contest.Comparison.Add(new ComparedRow($"ListContainerStats, {count} pods", "ms") { Target = count == 30 ? Target.PeerAtMost(MostStatsRatio) : null });
        await contest.InterleaveAsync(contest.Rounds, async (contestant, counts) =>
        {
            var listed = await PodCalls.TimeAsync(async () =>
                Expect(count, (await contestant.Runtime.ListContainersAsync(new ListContainersRequest(), cancellationToken: cancellation)).Containers.Count));
            var measured = await PodCalls.TimeAsync(async () =>
                Expect(count, (await contestant.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest(), cancellationToken: cancellation)).Stats.Count));
            if (!counts) return;
            list.Of(contestant).Add(listed);
            stats.Of(contestant).Add(measured);
        });
    }

    private static async Task RecoverAsync(Contest contest, int count, CancellationToken cancellation)
    {
        var row = contest.Comparison.Add(new ComparedRow($"kill -9 of the daemon: its start to its first list, {count} pods", "ms") { Target = Target.PeerAtMost(MostRecoveryRatio) });
        await contest.InterleaveAsync(Recoveries, async (contestant, counts) =>
        {
            var time = await contestant.RestartAsync(cancellation);
            var list = await contestant.Runtime.ListContainersAsync(new ListContainersRequest(), cancellationToken: cancellation);
            Expect(count, list.Containers.Count(c => c.State == ContainerState.ContainerRunning));
            if (counts) row.Of(contestant).Add(time);
        });
    }

    /// <summary>The CRI's other default: processes of a pod see each other, for which every runtime has a pod init.</summary>
    private static async Task WithPausesAsync(Contest contest, int count, CancellationToken cancellation)
    {
        Crowd[] crowds = [.. contest.Both.Select(c => new Crowd(c, NamespaceMode.Pod))];
        var empty = await MegabytesAsync(contest, cancellation);
        foreach (var crowd in crowds) await crowd.GrowAsync(count, cancellation);
        PerPod(contest, $"PSS per pod, pid POD, {count} pods", (empty, await MegabytesAsync(contest, cancellation)), count, null);
        foreach (var crowd in crowds) await crowd.LeaveAsync(cancellation);
    }

    private static void Expect(int count, int found)
    {
        if (found != count) throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{found} containers are listed, not {count}"));
    }
}
