using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>Ready when it has lived for one period: its end is seen by whoever watches the generation.</summary>
internal sealed class DelayCheck : ReadyCheck
{
    private readonly TimeSpan _period;
    private readonly LoopTimer _lived;

    public DelayCheck(EpollLoop loop, TimeSpan timeout, TimeSpan period)
        : base(loop, timeout) => (_period, _lived) = (period, loop.CreateTimer(Ready));

    public override SavedReady Save(StateWriter writer)
    {
        var saved = base.Save(writer);
        saved.NextDue = _lived.DueMilliseconds;
        return saved;
    }

    protected override void Resume(SavedReady saved) => _lived.DueMilliseconds = saved.NextDue;

    protected override void Look() => _lived.Set(_period);

    protected override void End() => _lived.Clear();
}
