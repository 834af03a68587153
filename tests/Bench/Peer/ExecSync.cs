using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Peer;

/// <summary>A probe's command in a running container, beside a bare `runc exec`.</summary>
internal sealed class ExecSync : IMeasurement
{
    private const double MostAddedMilliseconds = 4;

    public string Name => "exec";

    public async Task RunAsync(Contest contest, CancellationToken cancellation)
    {
        var row = contest.Comparison.Add(new ComparedRow("ExecSync of `true`", "ms") { Floor = new Samples(), Target = Target.FloorPlus(MostAddedMilliseconds) });
        var template = await contest.TemplateAsync(true, cancellation);
        var cgroup = contest.Stage.MakeCgroup($"{contest.Stage.CgroupOf("floor")}/exec");
        var bare = new BarePod(contest.Stage.Site, template, "exec", cgroup.Path);
        await bare.UpAsync();
        var pods = new Dictionary<Contestant, (string Pod, string Container)>();
        foreach (var contestant in contest.Both)
        {
            var (pod, container, _) = await contestant.UpAsync(contestant.NewPod(true), cancellation);
            pods[contestant] = (pod, container);
        }

        await contest.InterleaveAsync(2 * contest.Rounds, async (contestant, counts) =>
        {
            var request = new ExecSyncRequest { ContainerId = pods[contestant].Container, Cmd = { "true" }, Timeout = 10 };
            var time = await PodCalls.TimeAsync(async () => Check(await contestant.Runtime.ExecSyncAsync(request, cancellationToken: cancellation)));
            if (counts) row.Of(contestant).Add(time);
        }, async counts =>
        {
            var time = await PodCalls.TimeAsync(() => bare.ExecAsync("true"));
            if (counts) row.Floor!.Add(time);
        });
        foreach (var (contestant, (pod, container)) in pods) await contestant.DownAsync(pod, container, cancellation);
        await bare.DownAsync();
        cgroup.TryRemove();
    }

    private static void Check(ExecSyncResponse response)
    {
        if (response.ExitCode != 0) throw new IOException($"`true` ended with {response.ExitCode}: {response.Stderr.ToStringUtf8()}");
    }
}
