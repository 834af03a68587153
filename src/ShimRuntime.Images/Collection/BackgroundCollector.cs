using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace ShimRuntime.Images;

/// <summary>
/// Runs the collector at start, after whatever may have made garbage, and once per lease grace; requests during a run make one more run.
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
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await NextAsync().ConfigureAwait(false);
                await _collector.CollectAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                _log.LogError(e, "Garbage collection of images failed; it is tried again at the next occasion");
            }
        }
    }

    /// <summary>The next request, or the time at which left leases may have expired.</summary>
    private async Task NextAsync()
    {
        using var until = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        until.CancelAfter(LeaseStore.Grace);
        try
        {
            await _requests.Reader.ReadAsync(until.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            // The hour has passed without a request.
        }
    }
}
