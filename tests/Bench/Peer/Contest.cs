namespace ShimRuntime.Bench.Peer;

/// <summary>Both runtimes up on one stage, and what is done with both in turn.</summary>
/// <param name="Rounds">Of a measurement that takes tenths of a second; longer ones take a part of it.</param>
internal sealed record Contest(Stage Stage, Contestant Ours, Contestant Peer, Comparison Comparison, int Rounds)
{
    public IReadOnlyList<Contestant> Both => [Ours, Peer];

    /// <summary>
    /// A B B A …: each round does one first and then the other, every other round the other way around. The first warms caches and is not counted; the
    /// floor, where there is one, is between both.
    /// </summary>
    public async Task InterleaveAsync(int rounds, Func<Contestant, bool, Task> measure, Func<bool, Task>? floor = null)
    {
        for (var round = 0; round <= rounds; round++)
        {
            var counts = round > 0;
            var (first, second) = round % 2 == 0 ? (Ours, Peer) : (Peer, Ours);
            await measure(first, counts);
            if (floor is not null) await floor(counts);
            await measure(second, counts);
        }
    }

    /// <summary>The spec of a container of ours, for bare calls.</summary>
    public async Task<PodTemplate> TemplateAsync(bool hostNetwork, CancellationToken cancellation)
    {
        var (pod, container, _) = await Ours.UpAsync(Ours.NewPod(hostNetwork), cancellation);
        var template = await PodTemplate.OfAsync(Stage.Site, Ours.Runtime, container, cancellation);
        await Ours.DownAsync(pod, container, cancellation);
        return template;
    }
}
