using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>Ready when it has lived for one period: its end is seen by whoever watches the generation.</summary>
internal sealed class DelayCheck : ReadyCheck
{
    private readonly TimeSpan _period;
    private readonly LoopTimer _lived;

    public DelayCheck(EpollLoop loop, TimeSpan timeout, TimeSpan period)
        : base(loop, timeout) => (_period, _lived) = (period, loop.CreateTimer(Ready));

    protected override void Look() => _lived.Set(_period);

    protected override void End() => _lived.Clear();
}
