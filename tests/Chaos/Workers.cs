using System.Collections.Concurrent;

namespace ShimRuntime.Chaos.Tests;

/// <summary>Several walks side by side, each with a world of its own, over one queue.</summary>
public static class Workers
{
    private static int _serial;

    public static Task RunAsync<T>(int workers, IEnumerable<T> items, Func<Walk, T, Task> work)
    {
        var queue = new ConcurrentQueue<T>(items);
        return RunAsync(workers, queue, work);
    }

    /// <summary>Work may add to the queue; whoever finds it empty ends.</summary>
    public static Task RunAsync<T>(int workers, ConcurrentQueue<T> queue, Func<Walk, T, Task> work) =>
        Task.WhenAll(Enumerable.Range(0, Math.Min(workers, queue.Count)).Select(_ => Task.Run(async () =>
        {
            await using var walk = new Walk($"walker-{Interlocked.Increment(ref _serial)}");
            while (queue.TryDequeue(out var item)) await work(walk, item);
        })));
}
