using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>Tries again in the background, with back-off, until it works: what a failed stop or undo has left. One loop per sandbox.</summary>
internal sealed class SandboxReclaimer(ILogger log, TimeProvider time, CancellationToken stopping)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<string, byte> _running = new();

    /// <summary>Ids that are still being reclaimed.</summary>
    public IReadOnlyCollection<string> Pending => [.. _running.Keys];

    /// <param name="attempt">Throws when there is something left.</param>
    /// <param name="immediately">The first attempt at once (recovery), or after the first delay (an attempt has just failed).</param>
    public void Schedule(string id, Func<CancellationToken, Task> attempt, bool immediately = false)
    {
        if (_running.TryAdd(id, 0)) _ = Task.Run(() => LoopAsync(id, attempt, immediately ? TimeSpan.Zero : First), CancellationToken.None);
    }

    private async Task LoopAsync(string id, Func<CancellationToken, Task> attempt, TimeSpan delay)
    {
        try
        {
            while (true)
            {
                await Task.Delay(delay, time, stopping).ConfigureAwait(false);
                if (await SucceedsAsync(id, attempt).ConfigureAwait(false)) return;
                delay = delay == TimeSpan.Zero ? First : delay + delay > Longest ? Longest : delay + delay;
            }
        }
        catch (OperationCanceledException)
        {
            // The daemon ends; its successor finds the record and goes on.
        }
        finally
        {
            _running.TryRemove(id, out _);
        }
    }

    private async Task<bool> SucceedsAsync(string id, Func<CancellationToken, Task> attempt)
    {
        try
        {
            await attempt(stopping).ConfigureAwait(false);
            log.LogInformation("pod sandbox {Sandbox} is reclaimed", id);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            // The loop's edge: whatever failed, the next round tries it again.
            log.LogWarning("pod sandbox {Sandbox} is not reclaimed yet: {Cause}", id, e.Message);
            return false;
        }
    }
}
