using System.Diagnostics;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Measures writable layers in the background, one at a time, so that no stats request ever walks a tree. A layer is measured again after
/// <see cref="Interval"/>, or after thirty times what its last walk took: a container with millions of files costs at most some 3 % of a
/// core.
/// </summary>
internal sealed class UsageWalk : IAsyncDisposable
{
    private const int PauseFactor = 30;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(5);

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
                foreach (var writable in _store.Writables().Where(IsDue)) Measure(writable);
            }
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // the daemon ends
        }
    }

    private bool IsDue(SnapshotStore.Writable writable) =>
        writable.Snapshot is not null && (writable.Usage is null || writable.Usage.NextAt <= _time.GetUtcNow());

    private void Measure(SnapshotStore.Writable writable)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            using var upper = SafeDirFd.Open(writable.Snapshot!.UpperDir);
            var (bytes, inodes) = DirectoryTree.Measure(upper, _stop.Token);
            var pause = Stopwatch.GetElapsedTime(started) * PauseFactor;
            var now = _time.GetUtcNow();
            var next = now + (pause > Interval ? pause : Interval);
            writable.Usage = new SnapshotStore.MeasuredUsage(new SnapshotUsage(now, bytes, inodes), next);
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.ENOENT)
        {
            // removed meanwhile
        }
        catch (LinuxException e)
        {
            _log.LogWarning("failed to measure snapshot '{Key}': {Cause}; its usage stays as it was", writable.Record.Key, e.Message);
            writable.Usage = new SnapshotStore.MeasuredUsage(writable.Usage?.Value ?? default, _time.GetUtcNow() + Interval);
        }
    }
}
