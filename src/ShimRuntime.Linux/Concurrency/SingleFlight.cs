using System.Collections.Concurrent;

namespace ShimRuntime.Linux;

/// <summary>
/// One running operation per key: a second caller awaits the first's result. The operation runs under the owner's token, not under any
/// caller's: a caller that goes away only stops waiting, and its retry joins what still runs.
/// </summary>
public sealed class SingleFlight<TKey, TResult>(CancellationToken owner)
    where TKey : notnull
{
    private readonly ConcurrentDictionary<TKey, Lazy<Task<TResult>>> _flights = new();

    /// <summary>Joins the flight for <paramref name="key"/>, or starts <paramref name="operation"/> as one.</summary>
    public Task<TResult> RunAsync(TKey key, Func<CancellationToken, Task<TResult>> operation, CancellationToken caller)
    {
        var flight = _flights.GetOrAdd(key, k => new Lazy<Task<TResult>>(() => Task.Run(() => FlyAsync(k, operation), CancellationToken.None)));
        return flight.Value.WaitAsync(caller);
    }

    /// <summary>True while an operation for the key runs.</summary>
    public bool IsFlying(TKey key) => _flights.ContainsKey(key);

    private async Task<TResult> FlyAsync(TKey key, Func<CancellationToken, Task<TResult>> operation)
    {
        try
        {
            return await operation(owner).ConfigureAwait(false);
        }
        finally
        {
            _flights.TryRemove(key, out _);
        }
    }
}
