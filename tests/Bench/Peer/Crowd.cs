using System.Collections.Concurrent;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Peer;

/// <summary>Sleeping pods on host network, as many as are asked for, on one runtime.</summary>
internal sealed class Crowd(Contestant contestant, NamespaceMode pid)
{
    private const int Parallelism = 2;
    private readonly ConcurrentBag<(string Pod, string Container)> _pods = [];

    public Contestant Contestant => contestant;

    public int Count => _pods.Count;

    public Task GrowAsync(int count, CancellationToken cancellation) =>
        Parallel.ForEachAsync(Enumerable.Range(0, count - _pods.Count), Options(cancellation), async (_, token) =>
        {
            var (pod, container, _) = await contestant.UpAsync(contestant.NewPod(true, pid), token);
            _pods.Add((pod, container));
        });

    public async Task LeaveAsync(CancellationToken cancellation)
    {
        await Parallel.ForEachAsync(_pods, Options(cancellation), async (pod, token) => await contestant.DownAsync(pod.Pod, pod.Container, token));
        _pods.Clear();
    }

    private static ParallelOptions Options(CancellationToken cancellation) => new() { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellation };
}
