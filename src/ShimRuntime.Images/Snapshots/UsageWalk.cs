using System.Diagnostics;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Measures writable layers in the background, one at a time, so that no stats request ever walks a tree. A layer whose owner has done nothing
/// since its last measurement is left alone; of the others the one measured longest ago comes first. Work pauses after each slice, so that
/// trees of millions of files cost no more than <see cref="Share"/> of a core.
/// </summary>
internal sealed class UsageWalk : IAsyncDisposable
{
    /// <summary>One part of work to this many of pause: 5 %.</summary>
    private const int Share = 20;
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(5);

    /// <summary>A layer that changes is measured about so often.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    /// <summary>Also one whose owner did nothing: files can be changed from outside.</summary>
    private static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(5);

    private readonly SnapshotStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop;
    private readonly Task _work;

    public UsageWalk(SnapshotStore store, TimeProvider time, ILogger log, CancellationToken daemon)
    {
        (_store, _time, _log) = (store, time, log);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(daemon);
        _work = Task.Run(WorkAsync, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WorkAsync()
    {
        using var timer = new PeriodicTimer(Tick, _time);
        try
        {
            do
            {
                foreach (var writable in _store.Writables().Where(IsDue).OrderBy(w => w.Usage?.Value.MeasuredAt))
                    await MeasureAsync(writable).ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // the daemon ends
        }
    }

    private bool IsDue(SnapshotStore.Writable writable)
    {
        if (writable.Snapshot is null) return false;
        if (writable.Usage is not { } usage) return true;
        var now = _time.GetUtcNow();
        if (now < usage.NextAt) return false;
        return now - usage.Value.MeasuredAt >= LongestRest || usage.Activity is null || _store.Activity?.Invoke(writable.Record.Key) != usage.Activity;
    }

    private async Task MeasureAsync(SnapshotStore.Writable writable)
    {
        var activity = _store.Activity?.Invoke(writable.Record.Key); // before the walk: what is written during it counts for the next
        try
        {
            using var upper = SafeDirFd.Open(writable.Snapshot!.UpperDir);
            using var tree = new TreeMeasurement(upper);
            await WalkAsync(tree).ConfigureAwait(false);
            var now = _time.GetUtcNow();
            writable.Usage = new SnapshotStore.MeasuredUsage(
                new SnapshotUsage(now, tree.AllocatedBytes, tree.Inodes), now + Interval, activity);
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.ENOENT)
        {
            // removed meanwhile
        }
        catch (LinuxException e)
        {
            _log.LogWarning("failed to measure snapshot '{Key}': {Cause}; its usage stays as it was", writable.Record.Key, e.Message);
            writable.Usage = new SnapshotStore.MeasuredUsage(writable.Usage?.Value ?? default, _time.GetUtcNow() + Interval, null);
        }
    }

    private async Task WalkAsync(TreeMeasurement tree)
    {
        var slice = Stopwatch.GetTimestamp();
        while (tree.Step())
        {
            if (Stopwatch.GetElapsedTime(slice) is var worked && worked < Slice) continue;
            await Task.Delay(worked * (Share - 1), _stop.Token).ConfigureAwait(false);
            slice = Stopwatch.GetTimestamp();
        }
    }
}
