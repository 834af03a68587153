using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Daemon.Upgrades;

/// <summary>Between the operator's call and the host: one upgrade at a time, made ready here and carried out there.</summary>
internal sealed class UpgradeDesk(string ownBinary)
{
    private readonly Lock _lock = new();
    private TaskCompletionSource<Successor> _next = NewSource();
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
        Take("the daemon");
        FailedUpgrade = "";
        try
        {
            var successor = await Successor.StartAsync(path, listeners(), cancellation).ConfigureAwait(false);
            _next.SetResult(successor);
            return successor;
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>For an upgrade of something else than the daemon: neither is to meet the other halfway.</summary>
    /// <exception cref="RuntimeFault">FailedPrecondition: another one is under way.</exception>
    public void Take(string noun)
    {
        lock (_lock)
        {
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
        lock (_lock) (_next, _isBusy, FailedUpgrade) = (NewSource(), false, cause);
    }

    private static TaskCompletionSource<Successor> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
