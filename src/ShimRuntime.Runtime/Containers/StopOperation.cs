using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// A stop under way: one a container, joined by later calls, which may bring its deadline nearer and never put it off.
/// <code>
///   shim: signal ... deadline: SIGKILL to the leaf       the usual case: Ended completes somewhere here
///   no end 2 s after the deadline                        the daemon kills the leaf itself and says where the shim hangs
///   2 s later, nothing left in the cgroup                ended, as the daemon knows it
///   10 s after that, something left                      DeadlineExceeded, naming it with its state and wait channel
/// </code>
/// </summary>
internal sealed class StopOperation(ContainerEntry entry, LeafKiller killer, ILogger log)
{
    private static readonly TimeSpan ShimSlack = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan AfterKill = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(100);
    private readonly Lock _lock = new();
    private DateTimeOffset _deadline;
    private TaskCompletionSource _shortened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the container has ended; faults when it could not be made to.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    public StopOperation Begin(TimeSpan timeout, CancellationToken stopping)
    {
        _deadline = DateTimeOffset.UtcNow + timeout;
        Completion = Task.Run(() => RunAsync(stopping), CancellationToken.None);
        return this;
    }

    /// <summary>Moves the deadline nearer; one that is further away changes nothing.</summary>
    public void ShortenTo(TimeSpan timeout)
    {
        lock (_lock)
        {
            var deadline = DateTimeOffset.UtcNow + timeout;
            if (deadline >= _deadline) return;
            _deadline = deadline;
            _shortened.TrySetResult();
        }
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        await SignalUntilDeadlineAsync(stopping).ConfigureAwait(false);
        if (entry.Ended.IsCompleted) return;
        var shim = entry.Shim is { } connection ? ProcessState.Describe(connection.Process.Pid) : "its shim is gone";
        log.LogWarning("container {Id} did not end within its grace period and {Slack}; its shim: {Shim}; killing its cgroup",
            entry.Id, ShimSlack, shim);
        await killer.KillAsync(entry.Record.ContainerCgroup, stopping).ConfigureAwait(false);
        if (await EndsWithinAsync(ShimSlack, stopping).ConfigureAwait(false)) return;
        if (!killer.HasProcesses(entry.Record.ContainerCgroup))
        {
            await EndWithoutShimAsync(shim, stopping).ConfigureAwait(false);
            return;
        }

        if (await EndsWithinAsync(AfterKill, stopping).ConfigureAwait(false)) return;
        throw new RuntimeFault(FaultCode.DeadlineExceeded,
            $"failed to stop container '{entry.Id}': processes outlive SIGKILL: {killer.Describe(entry.Record.ContainerCgroup)}; its shim: "
            + $"{shim}; try again once the kernel lets them go");
    }

    private async Task SignalUntilDeadlineAsync(CancellationToken stopping)
    {
        while (!entry.Ended.IsCompleted)
        {
            var (remaining, shortened) = Remaining();
            using var call = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            var refused = AskShimAsync(remaining, call.Token);
            var patience = Task.Delay(remaining + ShimSlack, call.Token);
            var first = await Task.WhenAny(entry.Ended, patience, shortened, refused).ConfigureAwait(false);
            await call.CancelAsync().ConfigureAwait(false);
            await refused.ConfigureAwait(false);
            stopping.ThrowIfCancellationRequested();
            if (first == patience) return;
        }
    }

    private (TimeSpan Remaining, Task Shortened) Remaining()
    {
        lock (_lock)
        {
            if (_shortened.Task.IsCompleted) _shortened = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var remaining = _deadline - DateTimeOffset.UtcNow;
            return (remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero, _shortened.Task);
        }
    }

    /// <summary>
    /// Completes when the shim did not take the stop, after a pause: a new shim's start may not have reached it yet, or its connection
    /// broke. While the shim works on the stop, and once it has answered, this waits: the end itself is the supervisor's news.
    /// </summary>
    private async Task AskShimAsync(TimeSpan grace, CancellationToken cancellation)
    {
        try
        {
            if (entry.Shim is { } shim)
            {
                _ = await shim.StopAsync(entry.Record.StopSignal, grace, cancellation).ConfigureAwait(false);
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(false);
            }
        }
        catch (ShimFault e)
        {
            log.LogDebug("container {Id}: its shim did not take the stop: {Cause}", entry.Id, e.Message);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        await Task.Delay(AskAgain, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<bool> EndsWithinAsync(TimeSpan patience, CancellationToken stopping) =>
        await Task.WhenAny(entry.Ended, Task.Delay(patience, stopping)).ConfigureAwait(false) == entry.Ended;

    /// <summary>Nothing of the container is left and its shim does not say so: then the daemon does.</summary>
    private async Task EndWithoutShimAsync(string shim, CancellationToken stopping)
    {
        await using var pass = (await entry.Gate.EnterAsync(stopping).ConfigureAwait(false)).ConfigureAwait(false);
        entry.End(ContainerSupervisor.LostExit() with { Message = $"killed by the daemon, because its shim did not answer: {shim}" });
    }
}
