using System.Collections.Concurrent;
using System.Diagnostics;

namespace ShimRuntime.Bench.Restart;

/// <summary>How calls of one kind went, counted by many callers at once.</summary>
internal sealed class CallTally
{
    private readonly ConcurrentDictionary<string, int> _failures = new();
    private readonly ConcurrentQueue<(long Began, double Milliseconds)> _answered = new();

    public int Answered => _answered.Count;

    public int Failed => _failures.Values.Sum();

    /// <summary>Each cause with how often.</summary>
    public IEnumerable<string> Failures => _failures.Select(f => $"{f.Value} x {f.Key}");

    public async Task CountAsync(Func<Task> call)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            await call();
            _answered.Enqueue((began, Stopwatch.GetElapsedTime(began).TotalMilliseconds));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _failures.AddOrUpdate($"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}", 1, (_, count) => count + 1);
        }
    }

    /// <summary>The longest of the calls that began between two timestamps, in milliseconds; 0: there was none.</summary>
    public double Longest(long from, long to) => _answered.Where(a => a.Began >= from && a.Began <= to).Select(a => a.Milliseconds).DefaultIfEmpty().Max();

    public double Percentile(double share)
    {
        var sorted = _answered.Select(a => a.Milliseconds).Order().ToArray();
        return sorted.Length == 0 ? double.NaN : sorted[(int)(share * (sorted.Length - 1))];
    }
}
