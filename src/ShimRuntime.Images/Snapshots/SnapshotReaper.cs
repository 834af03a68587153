using System.Threading.Channels;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Deletes retired directories in the background, one after the other: removing a layer or a container never waits for the deletion of
/// a tree, and two requests never delete the same one. What could not be deleted is tried again, with pauses that grow; what a crash
/// interrupts is found at the next start.
/// </summary>
internal sealed class SnapshotReaper : IAsyncDisposable
{
    private readonly SnapshotDirectory _directory;
    private readonly CancellationTokenSource _stop;
    private readonly Channel<TaskCompletionSource?> _requests =
        Channel.CreateUnbounded<TaskCompletionSource?>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _work;

    public SnapshotReaper(SnapshotDirectory directory, CancellationToken daemon)
    {
        _directory = directory;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(daemon);
        _work = Task.Run(WorkAsync, CancellationToken.None);
        Wake();
    }

    /// <summary>There is something to delete. Returns at once.</summary>
    public void Wake() => _requests.Writer.TryWrite(null);

    /// <summary>Returns when everything that was retired before the call is deleted, or could not be and is in the log.</summary>
    public Task SweepAsync(CancellationToken cancellation)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_requests.Writer.TryWrite(done)) done.SetCanceled(CancellationToken.None);
        return done.Task.WaitAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _requests.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WorkAsync()
    {
        var waiting = new List<TaskCompletionSource>();
        var pause = TimeSpan.Zero;
        try
        {
            while (await Requests.NextAsync(_requests.Reader, Longest(pause), _stop.Token).ConfigureAwait(false))
            {
                while (_requests.Reader.TryRead(out var request))
                {
                    if (request is not null) waiting.Add(request);
                }

                pause = _directory.DeleteLeftovers(_stop.Token) ? TimeSpan.Zero : BackOff.After(pause);
                foreach (var done in waiting) done.TrySetResult();
                waiting.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            while (_requests.Reader.TryRead(out var request)) request?.TrySetCanceled(CancellationToken.None);
        }

        foreach (var done in waiting) done.TrySetCanceled(CancellationToken.None);
    }

    /// <summary>Without anything to try again there is nothing to do unasked.</summary>
    private static TimeSpan Longest(TimeSpan pause) => pause == TimeSpan.Zero ? Timeout.InfiniteTimeSpan : pause;
}
