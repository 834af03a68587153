using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>Tries again in the background, with back-off, until it works: what a failed stop or undo has left. One loop per sandbox.</summary>
internal sealed class SandboxReclaimer(ILogger log, TimeProvider time, CancellationToken stopping)
{
    private readonly ConcurrentDictionary<string, Reclaim> _running = new();

    /// <summary>Ids that are still being reclaimed.</summary>
    public IReadOnlyCollection<string> Pending => [.. _running.Keys];

    /// <summary>Those that an attempt has failed for since they are here, with its cause.</summary>
    public IReadOnlyDictionary<string, string> Failing =>
        _running.Where(r => r.Value.LastFailure.Length > 0).ToDictionary(r => r.Key, r => r.Value.LastFailure);

    /// <param name="attempt">Throws when there is something left.</param>
    /// <param name="immediately">The first attempt at once (recovery), or after the first delay (an attempt has just failed).</param>
    public void Schedule(string id, Func<CancellationToken, Task> attempt, bool immediately = false)
    {
        var reclaim = new Reclaim();
        if (_running.TryAdd(id, reclaim))
            _ = Task.Run(() => LoopAsync((id, reclaim), attempt, immediately ? TimeSpan.Zero : BackOff.First), CancellationToken.None);
    }

    /// <summary>The next attempt begins at once; returns when it is over, and when none is due any more.</summary>
    public Task HurryAsync(string id, CancellationToken cancellation)
    {
        if (!_running.TryGetValue(id, out var reclaim)) return Task.CompletedTask;
        var attempted = reclaim.NextAttempt;
        reclaim.Hurry();
        return attempted.WaitAsync(cancellation);
    }

    private async Task LoopAsync((string Id, Reclaim State) of, Func<CancellationToken, Task> attempt, TimeSpan delay)
    {
        try
        {
            while (true)
            {
                await of.State.PauseAsync(delay, time, stopping).ConfigureAwait(false);
                if (await SucceedsAsync(of, attempt).ConfigureAwait(false)) return;
                delay = BackOff.After(delay);
                of.State.Attempted();
            }
        }
        catch (OperationCanceledException)
        {
            // The daemon ends; its successor finds the record and goes on.
        }
        finally
        {
            _running.TryRemove(of.Id, out _);
            of.State.Attempted();
        }
    }

    private async Task<bool> SucceedsAsync((string Id, Reclaim State) of, Func<CancellationToken, Task> attempt)
    {
        try
        {
            await attempt(stopping).ConfigureAwait(false);
            log.LogInformation("pod sandbox {Sandbox} is reclaimed", of.Id);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            // The loop's edge: whatever failed, the next round tries it again.
            of.State.LastFailure = e.Message;
            log.LogWarning("pod sandbox {Sandbox} is not reclaimed yet: {Cause}", of.Id, e.Message);
            return false;
        }
    }

    /// <summary>Where one loop is.</summary>
    private sealed class Reclaim
    {
        private volatile TaskCompletionSource _hurry = New();
        private TaskCompletionSource _attempted = New();
        private volatile string _lastFailure = "";

        public string LastFailure
        {
            get => _lastFailure;
            set => _lastFailure = value;
        }

        public Task NextAttempt => _attempted.Task;

        public void Hurry() => _hurry.TrySetResult();

        public void Attempted() => Interlocked.Exchange(ref _attempted, New()).TrySetResult();

        /// <summary>Shorter when somebody hurries.</summary>
        public async Task PauseAsync(TimeSpan delay, TimeProvider time, CancellationToken stopping)
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            await Task.WhenAny(Task.Delay(delay, time, end.Token), _hurry.Task).ConfigureAwait(false);
            await end.CancelAsync().ConfigureAwait(false);
            stopping.ThrowIfCancellationRequested();
            _hurry = New();
        }

        private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
