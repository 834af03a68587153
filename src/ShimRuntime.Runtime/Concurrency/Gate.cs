namespace ShimRuntime.Runtime.Concurrency;

/// <summary>
/// The lock of one sandbox or one container: <c>await using (await gate.EnterAsync(token)) { … }</c>. It covers a decision and the
/// state change that follows from it, never a wait for anything else. Order: a sandbox's before a container's, never two containers'.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "a SemaphoreSlim holds nothing to dispose until its wait handle is asked for")]
public sealed class Gate
{
    private readonly SemaphoreSlim _semaphore = new(1, 1);

    public async ValueTask<Pass> EnterAsync(CancellationToken cancellation)
    {
        await _semaphore.WaitAsync(cancellation).ConfigureAwait(false);
        return new Pass(_semaphore);
    }

    /// <summary>Held until disposed.</summary>
    public readonly struct Pass(SemaphoreSlim semaphore) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            semaphore.Release();
            return ValueTask.CompletedTask;
        }
    }
}
