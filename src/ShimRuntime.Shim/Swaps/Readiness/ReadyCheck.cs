using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;

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

    /// <summary>What of it has to outlive this program. An attempt under way is none of it: it is made again.</summary>
    public virtual SavedReady Save(StateWriter writer) => new() { Due = _deadline.DueMilliseconds, LastFailure = LastFailure ?? "" };

    /// <summary>Goes on with what another program of this process has begun, or prepared.</summary>
    public void Load(SavedReady saved, Action onReady, Action<string> onNever)
    {
        LastFailure = saved.LastFailure.Length == 0 ? null : saved.LastFailure;
        Resume(saved);
        if (saved.Due == 0) return;
        (_onReady, _onNever) = (onReady, onNever);
        _deadline.DueMilliseconds = saved.Due;
        if (!IsWaiting(saved)) Loop.Post(LookAgain);
    }

    public void Dispose()
    {
        (_onReady, _onNever) = (null, null);
        _deadline.Clear();
        End();
    }

    protected abstract void Look();

    /// <summary>Of a state: what the subclass needs before it looks again.</summary>
    protected virtual void Resume(SavedReady saved)
    {
    }

    /// <summary>Of a state: its next look is a timer's.</summary>
    protected virtual bool IsWaiting(SavedReady saved) => saved.NextDue != 0;

    /// <summary>Lets go of everything; may be called more than once, and before <see cref="Prepare"/>.</summary>
    protected abstract void End();

    protected void Ready()
    {
        var ready = _onReady;
        Dispose();
        ready?.Invoke();
    }

    private void LookAgain()
    {
        if (!IsOver) Look();
    }

    private void TimeIsUp()
    {
        var never = _onNever;
        var why = LastFailure is null ? "" : $": {LastFailure}";
        Dispose();
        never?.Invoke($"it was not ready within {_timeout.TotalSeconds:0.###} s{why}");
    }
}
