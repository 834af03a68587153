using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>
/// Watches a new generation until it is ready, or its time is over; tells exactly one of the two, unless it is disposed before.
/// </summary>
internal abstract class ReadyCheck : IDisposable
{
    private readonly LoopTimer _deadline;
    private readonly TimeSpan _timeout;
    private Action? _onReady;
    private Action<string>? _onNever;

    protected ReadyCheck(EpollLoop loop, TimeSpan timeout)
    {
        (Loop, _timeout) = (loop, timeout);
        _deadline = loop.CreateTimer(TimeIsUp);
    }

    protected EpollLoop Loop { get; }

    /// <summary>Why the last attempt failed; null: there was none.</summary>
    protected string? LastFailure { get; set; }

    protected bool IsOver => _onReady is null;

    /// <summary>What has to be there before the process starts.</summary>
    public virtual void Prepare()
    {
    }

    /// <summary>The process runs.</summary>
    /// <param name="onNever">Told why.</param>
    public void Begin(Action onReady, Action<string> onNever)
    {
        (_onReady, _onNever) = (onReady, onNever);
        _deadline.Set(_timeout);
        Look();
    }

    public void Dispose()
    {
        (_onReady, _onNever) = (null, null);
        _deadline.Clear();
        End();
    }

    protected abstract void Look();

    /// <summary>Lets go of everything; may be called more than once, and before <see cref="Prepare"/>.</summary>
    protected abstract void End();

    protected void Ready()
    {
        var ready = _onReady;
        Dispose();
        ready?.Invoke();
    }

    private void TimeIsUp()
    {
        var never = _onNever;
        var why = LastFailure is null ? "" : $": {LastFailure}";
        Dispose();
        never?.Invoke($"it was not ready within {_timeout.TotalSeconds:0.###} s{why}");
    }
}
