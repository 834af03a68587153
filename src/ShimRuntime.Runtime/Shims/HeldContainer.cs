using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// A container that its shim holds still until this is disposed: by the shim's own word, which also ends when this daemon dies, the hold is
/// over or the container is stopped.
/// </summary>
public sealed class HeldContainer : IAsyncDisposable
{
    private readonly CancellationTokenSource _release;
    private readonly Task _hold;

    private HeldContainer(CancellationTokenSource release, Task hold) => (_release, _hold) = (release, hold);

    /// <exception cref="ShimFault">FailedPrecondition: it does not run, is held already or does not freeze.</exception>
    public static async Task<HeldContainer> HoldAsync(RunningShim shim, TimeSpan longest, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(shim);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new CancellationTokenSource();
        var held = new HeldContainer(release, shim.PauseAsync(longest, () => started.TrySetResult(), release.Token));
        try
        {
            await (await Task.WhenAny(started.Task, held._hold).WaitAsync(cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            return held;
        }
        catch
        {
            await held.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What was read since the hold began is one state of the container only if this does not throw.</summary>
    /// <exception cref="ShimFault">Why it went on.</exception>
    public Task CheckAsync() => _hold.IsCompleted ? _hold : Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _release.CancelAsync().ConfigureAwait(false);
        await _hold.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _release.Dispose();
    }
}
