using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Runs the collector at start, after whatever may have made garbage, and once per lease grace; requests during a run make one more run,
/// and one that failed is tried again, with pauses that grow.
/// </summary>
internal sealed class BackgroundCollector : IAsyncDisposable
{
    private readonly Channel<bool> _requests = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop;
    private readonly Collector _collector;
    private readonly ILogger _log;
    private readonly Task _loop;

    public BackgroundCollector(Collector collector, ILogger log, CancellationToken daemon)
    {
        _collector = collector;
        _log = log;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(daemon);
        Request();
        _loop = Task.Run(LoopAsync, CancellationToken.None);
    }

    public void Request() => _requests.Writer.TryWrite(true);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task LoopAsync()
    {
        var pause = TimeSpan.Zero;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                // Unasked, too: left leases may have expired, or the disk be well again.
                await Requests.NextAsync(_requests.Reader, pause == TimeSpan.Zero ? LeaseStore.Grace : pause, _stop.Token).ConfigureAwait(false);
                _ = _requests.Reader.TryRead(out _);
                await _collector.CollectAsync(_stop.Token).ConfigureAwait(false);
                pause = TimeSpan.Zero;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                pause = BackOff.After(pause);
                _log.LogError(e, "Garbage collection of images failed; it is tried again in {Pause}", pause);
            }
        }
    }
}
