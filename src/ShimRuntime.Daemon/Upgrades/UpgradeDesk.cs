using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Daemon.Upgrades;

/// <summary>Between the operator's call and the host: one upgrade at a time, made ready here and carried out there.</summary>
internal sealed class UpgradeDesk(string ownBinary) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _closing = new();
    private TaskCompletionSource<Successor> _next = NewSource();
    private Task<Successor>? _starting;
    private bool _isBusy;

    public long StartedAtNanos { get; } = UnixTime.NowNanos();

    /// <summary>Set by the host once there are listeners to hand on.</summary>
    public Func<(int Cri, int Streams)>? Listeners { get; set; }

    /// <summary>Why the last one left this daemon in place.</summary>
    public string FailedUpgrade { get; private set; } = "";

    /// <summary>Completes when a successor waits for its word.</summary>
    public Task<Successor> NextAsync(CancellationToken cancellation)
    {
        lock (_lock) return _next.Task.WaitAsync(cancellation);
    }

    /// <summary>Starts a new daemon and returns once it waits.</summary>
    /// <param name="binary">Empty: the file that this daemon was started from, whatever it holds now.</param>
    public async Task<Successor> BeginAsync(string binary, CancellationToken cancellation)
    {
        var path = binary.Length == 0 ? ownBinary : binary;
        new TrustedBinary("the daemon").Check(path);
        var listeners = Listeners ?? throw new RuntimeFault(FaultCode.Unavailable, "failed to upgrade the daemon: it is still starting; try again in a moment");
        Task<Successor> starting;
        lock (_lock)
        {
            Take("the daemon");
            FailedUpgrade = "";
            _starting = starting = StartAsync(path, listeners(), cancellation);
        }

        return await starting.ConfigureAwait(false);
    }

    /// <summary>No more upgrades: the daemon is to end, and so is a new one that would take its end for the word to serve.</summary>
    public async Task CloseAsync()
    {
        Task<Successor>? starting;
        lock (_lock)
        {
            starting = _starting;
            _closing.Cancel();
        }

        if (starting is null) return;
        await ((Task)starting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!starting.IsCompletedSuccessfully) return;
        await starting.Result.EndAsync().ConfigureAwait(false);
        starting.Result.Dispose();
    }

    /// <summary>For an upgrade of something else than the daemon: neither is to meet the other halfway.</summary>
    /// <exception cref="RuntimeFault">FailedPrecondition: another one is under way. Unavailable: the daemon is about to end.</exception>
    public void Take(string noun)
    {
        lock (_lock)
        {
            if (_closing.IsCancellationRequested) throw new RuntimeFault(FaultCode.Unavailable, $"failed to upgrade {noun}: the daemon was told to end");
            if (_isBusy) throw RuntimeFault.FailedPrecondition($"failed to upgrade {noun}: another upgrade is under way");
            _isBusy = true;
        }
    }

    /// <summary>The other end of <see cref="Take"/>.</summary>
    public void Release()
    {
        lock (_lock) _isBusy = false;
    }

    /// <summary>The successor did not take over: this daemon serves again, and may be asked again.</summary>
    public void Failed(string cause)
    {
        lock (_lock) (_next, _starting, _isBusy, FailedUpgrade) = (NewSource(), null, false, cause);
    }

    public void Dispose() => _closing.Dispose();

    private async Task<Successor> StartAsync(string path, (int Cri, int Streams) listeners, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _closing.Token);
        try
        {
            await Task.Yield(); // out of the lock
            var successor = await Successor.StartAsync(path, listeners, either.Token).ConfigureAwait(false);
            lock (_lock) _next.SetResult(successor);
            return successor;
        }
        catch
        {
            lock (_lock) (_starting, _isBusy) = (null, false);
            throw;
        }
    }

    private static TaskCompletionSource<Successor> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
