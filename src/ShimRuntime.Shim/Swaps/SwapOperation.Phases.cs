using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Sockets;
using ShimRuntime.Shim.Swaps.Readiness;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Swaps;

/// <content>What each phase does once it is journaled.</content>
internal sealed partial class SwapOperation
{
    private void Act(SwapPhase phase)
    {
        switch (phase)
        {
            case SwapPhase.Prepare:
                Prepare();
                break;
            case SwapPhase.Create:
                Try(_new!.Create);
                break;
            case SwapPhase.Drain:
                Drain();
                break;
            case SwapPhase.Start:
                Try(Start);
                break;
            case SwapPhase.Ready:
                Try(() => _ready!.Begin(BecameReady, NeverReady));
                break;
            case SwapPhase.Commit:
                _cause = ""; // that one which never became ready is kept was told with the phase
                Move(SwapTrigger.Advanced);
                break;
            case SwapPhase.Probation:
                if (HandsOver) _host.Held.PutNamesBack();
                DeleteRetired();
                if (_request.ProbationMilliseconds == 0) Move(SwapTrigger.Advanced);
                else _probation.Set(TimeSpan.FromMilliseconds(_request.ProbationMilliseconds));
                break;
            case SwapPhase.Undo or SwapPhase.Revert:
                EndNew();
                GoBack();
                break;
        }
    }

    private void Prepare()
    {
        var (target, fallback) = (_request.Target, _request.Fallback);
        _new = _host.Make(target.Number, target.LeafCgroup);
        if (!_new.HasBundle)
        {
            Fail($"generation {target.Number} has no bundle");
            return;
        }

        Try(() =>
        {
            if (HandsOver) _new.Handover = new Handover(_host.Held, _request.Level == SwapLevel.SwapL3);
            _ready = ReadyChecks.Of(_request.Ready, _loop, _new);
            _journal.Add(_new, target.ImageId, $"swap {_request.RequestId}");
            if (fallback.Number <= target.Number) throw RuntimeFault.InvalidArgument("the fallback's number is not above the target's");
        });
        if (_phase == SwapPhase.Prepare) Move(SwapTrigger.Advanced);
    }

    /// <summary>
    /// A generation that stops closes its listeners long before its end, and connections go on coming: they are looked after meanwhile. Soon,
    /// because it stops accepting at once; then ever more seldom, because a drain may take an hour.
    /// </summary>
    private void BeginUpkeep(SwapPhase phase)
    {
        _upkeep.Clear();
        if (!HandsOver || phase is not (SwapPhase.Drain or SwapPhase.Undo or SwapPhase.Revert)) return;
        _untilUpkeep = FirstUpkeep;
        _upkeep.Set(_untilUpkeep);
    }

    private void KeepUp()
    {
        _host.Held.PutRight();
        _untilUpkeep = _untilUpkeep * 1.25 < LongestUpkeep ? _untilUpkeep * 1.25 : LongestUpkeep;
        _upkeep.Set(_untilUpkeep);
    }

    private void Start()
    {
        _ready!.Prepare();
        _new!.Start();
    }

    private void Drain()
    {
        _oldIsStopping = true;
        if (_old.HasEnded) Move(SwapTrigger.OldEnded);
        else _old.Stop(_request.DrainSignal, TimeSpan.FromMilliseconds(_request.DrainMilliseconds));
    }

    /// <summary>
    /// A listener of a SO_REUSEPORT group that nobody took has a queue of its own, whose connections nobody would answer once the old one is
    /// gone. One alone that nobody took is an address that the new one does not serve.
    /// </summary>
    private void BecameReady()
    {
        var left = _new!.Unclaimed.Where(l => l.Facts.Options.SharesPort && _host.Held.All.Count(o => o.Address == l.Address) > 1).ToList();
        if (left.Count == 0) Move(SwapTrigger.Advanced);
        else NeverReady($"it left {left.Count} of the listeners of {left[0].Address} (SO_REUSEPORT) alone; give it as many workers");
    }

    private void NeverReady(string why)
    {
        Because($"generation {_request.Target.Number}: {why}");
        Move(SwapTrigger.NeverReady);
    }

    /// <summary>One that has had connections of the shared queue answers them first, as it would in a drain.</summary>
    private void EndNew()
    {
        if (HandsOver && _new is { HasStarted: true }) _new.Stop(_request.DrainSignal, TimeSpan.FromMilliseconds(_request.DrainMilliseconds));
        else _new?.Kill();
    }

    /// <summary>Undo is over when the new one has ended; Revert goes on with the old spec once nobody else is left.</summary>
    private void GoBack()
    {
        if (_new is { IsMade: true, HasEnded: false }) return;
        if (_phase == SwapPhase.Undo)
        {
            Move(_old.HasEnded ? SwapTrigger.OldEnded : SwapTrigger.Advanced);
            return;
        }

        if (!_old.HasEnded || _fallback is not null) return;
        var spec = _request.Fallback;
        _fallback = _host.Make(spec.Number, spec.LeafCgroup);
        _journal.Add(_fallback, spec.ImageId, $"revert of swap {_request.RequestId}");
        if (HandsOver)
        {
            _host.Held.PutNamesBack();
            _fallback.Handover = new Handover(_host.Held, _request.Level == SwapLevel.SwapL3);
        }

        Try(_fallback.Run);
    }

    /// <summary>Where the container stands when a swap is over. What does not serve any more is on its way out.</summary>
    private void Settle(SwapOutcome outcome)
    {
        if (outcome == SwapOutcome.Reverted) _host.Promote(_fallback!);
        if (outcome is not (SwapOutcome.Ended or SwapOutcome.Preempted)) return;
        if (_host.Current.HasExited && Heir() is { } heir) _host.Promote(heir);
        foreach (var generation in (ReadOnlySpan<Generation?>)[_old, _new, _fallback])
        {
            if (generation is { IsMade: true, HasEnded: false } && generation != _host.Current) generation.Kill();
        }
    }

    /// <summary>Whose end is the container's, when the current generation's is over: the one that was to serve in its place and had been let go.</summary>
    private Generation? Heir()
    {
        if (_fallback is not null) return _fallback;
        return _new is { HasStarted: true, IsStopping: false } && _new != _host.Current ? _new : null;
    }

    /// <summary>Late, so that runc does not compete with the start of the new one.</summary>
    private void DeleteRetired()
    {
        foreach (var generation in (ReadOnlySpan<Generation?>)[_old, _new, _fallback])
        {
            if (generation is { HasEnded: true } or { IsMade: false } && generation != _host.Current) generation.Delete();
        }
    }

    private ReadyCheck? EndCheckUnless(SwapPhase phase)
    {
        if (phase is SwapPhase.Create or SwapPhase.Drain or SwapPhase.Start or SwapPhase.Ready) return _ready;
        _ready?.Dispose();
        return null;
    }

    private void Fail(string cause)
    {
        Because(cause);
        Move(SwapTrigger.Failed);
    }

    /// <summary>No descriptor, no memory, a bundle that is gone: the swap's failure, not the container's.</summary>
    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or RuntimeFault)
        {
            Fail(e.Message);
        }
    }
}
