using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Containers;

/// <summary>
/// A leaf that is held frozen for one caller: until that caller goes, in whatever way, or the hold is over. A daemon that dies holding it
/// thus costs the container nothing.
/// </summary>
internal sealed class LeafHold
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10); // of the kernel: a process in uninterruptible sleep does not freeze
    private readonly Cgroup _leaf;
    private readonly ShimCall _call;
    private readonly TimeSpan _hold;
    private readonly LoopTimer _look;
    private readonly LoopTimer _deadline;
    private bool _stands;

    public LeafHold(EpollLoop loop, Cgroup leaf, ShimCall call, TimeSpan hold)
    {
        (_leaf, _call, _hold) = (leaf, call, hold);
        _look = loop.CreateTimer(See);
        _deadline = loop.CreateTimer(() => End(_stands ? "the hold is over" : "a process of it does not freeze (uninterruptible sleep)"));
    }

    /// <summary>Called once, when nobody holds the leaf any more; thaws it, or sees to it.</summary>
    public required Action OnOver { get; init; }

    /// <exception cref="RuntimeFault">FailedPrecondition: there is no freezer. Nothing is held then.</exception>
    public void Start()
    {
        if (!_leaf.TryFreeze(true))
        {
            OnOver();
            throw RuntimeFault.FailedPrecondition("failed to pause the container: its cgroup has no freezer");
        }

        _call.OnAbandoned = Over;
        _deadline.Set(Patience);
        See();
    }

    /// <summary>Without the caller's word, which gets the reason.</summary>
    public void End(string why)
    {
        _call.OnAbandoned = null;
        Over();
        _call.Fail(_stands ? FaultCode.Aborted : FaultCode.FailedPrecondition, $"failed to hold the container: {why}");
    }

    private void See()
    {
        if (!_leaf.IsFrozen)
        {
            _look.Set(Look);
            return;
        }

        _stands = true;
        _deadline.Set(_hold);
        _call.Send(new PauseStarted());
    }

    private void Over()
    {
        _look.Clear();
        _deadline.Clear();
        OnOver();
    }
}
