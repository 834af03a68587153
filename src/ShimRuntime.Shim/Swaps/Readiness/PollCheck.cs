using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>Ready after so many attempts in a row that succeeded, one a period; the first at once.</summary>
internal sealed class PollCheck : ReadyCheck
{
    private readonly IAttempt _attempt;
    private readonly TimeSpan _period;
    private readonly uint _wanted;
    private readonly LoopTimer _next;
    private uint _inRow;

    public PollCheck(EpollLoop loop, TimeSpan timeout, IAttempt attempt, (TimeSpan Period, uint Successes) rhythm)
        : base(loop, timeout)
    {
        (_attempt, _period, _wanted) = (attempt, rhythm.Period, rhythm.Successes);
        _next = loop.CreateTimer(Look);
    }

    public override SavedReady Save(StateWriter writer)
    {
        var saved = base.Save(writer);
        (saved.NextDue, saved.InRow) = (_next.DueMilliseconds, _inRow);
        return saved;
    }

    protected override void Resume(SavedReady saved) => (_next.DueMilliseconds, _inRow) = (saved.NextDue, saved.InRow);

    protected override void Look()
    {
        if (!IsOver) _attempt.Begin(Tried);
    }

    protected override void End()
    {
        _next.Clear();
        _attempt.Cancel();
    }

    private void Tried(string? failure)
    {
        if (IsOver) return;
        if (failure is not null) LastFailure = failure;
        _inRow = failure is null ? _inRow + 1 : 0;
        if (_inRow >= _wanted) Ready();
        else _next.Set(_period);
    }
}
