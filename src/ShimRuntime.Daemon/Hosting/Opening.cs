using ShimRuntime.Daemon.Upgrades;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// State that is opened and recovered beside the making of the server, which needs nothing of it: each takes half of a start. Owns what was
/// opened.
/// </summary>
internal sealed class Opening : IAsyncDisposable
{
    private readonly Task<Composition> _opened;
    private readonly Task _recovered;

    /// <param name="gate">Told of both.</param>
    /// <param name="stop">Cuts the recovery.</param>
    public Opening(Func<Task<Composition>> open, ServiceGate gate, HandoverState left, CancellationToken stop)
    {
        _opened = Task.Run(open, CancellationToken.None);
        _recovered = RecoverAsync(gate, left, stop);
    }

    public Task<Composition> OpenedAsync() => _opened;

    /// <exception cref="OperationCanceledException">It was cut.</exception>
    public Task RecoveredAsync() => _recovered;

    public async ValueTask DisposeAsync()
    {
        await _recovered.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_opened.IsCompletedSuccessfully) await (await _opened).DisposeAsync();
    }

    private async Task RecoverAsync(ServiceGate gate, HandoverState left, CancellationToken stop)
    {
        var services = await _opened;
        gate.Opened(services);
        await services.RecoverAsync(left, stop);
        gate.Recovered(services);
    }
}
