namespace ShimRuntime.Bench.Peer;

/// <summary>Start of a pod (sandbox, create, start) and its whole life, call by call, beside the bare calls.</summary>
internal sealed class PodLifecycle(string name, bool hostNetwork, double targetRatio) : IMeasurement
{
    private int _sequence;

    public string Name => name;

    public async Task RunAsync(Contest contest, CancellationToken cancellation)
    {
        var network = hostNetwork ? "host network" : "CNI bridge + portmap";
        ComparedRow start = New($"pod start, {network}", Target.PeerAtMost(targetRatio)), life = New($"pod lifecycle, {network}", Target.PeerAtMost(targetRatio));
        var calls = PodCalls.UpNames.Concat(PodCalls.DownNames).Select(c => new ComparedRow($"{c}, {network}", "ms")).ToArray();
        var template = await contest.TemplateAsync(hostNetwork, cancellation);
        await contest.InterleaveAsync(contest.Rounds, async (contestant, counts) =>
        {
            var (pod, container, up) = await contestant.UpAsync(contestant.NewPod(hostNetwork), cancellation);
            double[] all = [.. up, .. await contestant.DownAsync(pod, container, cancellation)];
            if (!counts) return;
            start.Of(contestant).Add(up.Sum());
            life.Of(contestant).Add(all.Sum());
            for (var i = 0; i < all.Length; i++) calls[i].Of(contestant).Add(all[i]);
        }, async counts =>
        {
            var (up, down) = await BareAsync(contest.Stage, template);
            if (!counts) return;
            start.Floor!.Add(up);
            life.Floor!.Add(up + down);
        });
        foreach (var row in (ComparedRow[])[start, life, .. calls]) contest.Comparison.Add(row);
    }

    private static ComparedRow New(string what, Target target) => new(what, "ms") { Floor = new Samples(), Target = target };

    private async Task<(double Up, double Down)> BareAsync(Stage stage, PodTemplate template)
    {
        var cgroup = stage.MakeCgroup($"{stage.CgroupOf("floor")}/{name}{++_sequence}");
        var bare = new BarePod(stage.Site, template, $"{name}{_sequence}", cgroup.Path);
        var up = await bare.UpAsync();
        var down = await bare.DownAsync();
        cgroup.TryRemove();
        return (up.Sum(), down);
    }
}
