using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Swaps.Readiness;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Swaps;

/// <summary>
/// One swap, from its request to its outcome: phase by phase as <see cref="SwapLifecycle"/> has it, journaled, told to whoever follows.
/// What each phase does is in the partial file beside this one. Kept after its end for those who ask again.
/// </summary>
internal sealed partial class SwapOperation
{
    private static readonly TimeSpan FirstUpkeep = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestUpkeep = TimeSpan.FromSeconds(1);
    private readonly ISwapHost _host;
    private readonly SwapJournal _journal;
    private readonly SwapRequest _request;
    private readonly EpollLoop _loop;
    private readonly List<ShimCall> _followers = [];
    private readonly List<ShimCall> _enders = [];
    private readonly List<SwapEvent> _events = [];
    private readonly LoopTimer _probation;
    private readonly LoopTimer _upkeep;
    private readonly Generation _old;
    private Generation? _new;
    private Generation? _fallback;
    private ReadyCheck? _ready;
    private SwapPhase _phase;
    private SwapResult? _result;
    private string _cause = "";
    private bool _oldIsStopping;
    private TimeSpan _untilUpkeep;

    public SwapOperation(EpollLoop loop, ISwapHost host, SwapJournal journal, SwapRequest request)
    {
        (_loop, _host, _journal, _request, _old) = (loop, host, journal, request, host.Current);
        _probation = loop.CreateTimer(() => Move(SwapTrigger.Advanced));
        _upkeep = loop.CreateTimer(KeepUp);
    }

    public string RequestId => _request.RequestId;

    public SwapPhase Phase => _phase;

    public bool IsOver => _result is not null;

    /// <summary>The one that serves while it is not yet current: after the old one's end, before Commit.</summary>
    public Generation? Successor => IsOver ? null : _fallback ?? _new;

    private bool Overlaps => OverlapsAt(_request.Level);

    private bool HandsOver => _request.Level != SwapLevel.SwapL0;

    private SwapFacts Facts => new(Overlaps, !_old.HasExited && !_oldIsStopping, _request.KeepNew);

    /// <summary>Both generations serve for a while. At L1, as at L0, the old one has ended before the new one starts.</summary>
    public static bool OverlapsAt(SwapLevel level) => level is SwapLevel.SwapL2 or SwapLevel.SwapL3;

    public void Begin()
    {
        _journal.Add(_old, _request.Old.ImageId, "create");
        Enter(SwapPhase.Prepare, SwapTrigger.Advanced);
    }

    /// <summary>The caller gets all events from the first on, and the result.</summary>
    public void Follow(ShimCall call)
    {
        foreach (var happened in _events) call.Send(happened);
        if (_result is not null)
        {
            call.Reply(_result);
            return;
        }

        Keep(_followers, call);
    }

    /// <exception cref="RuntimeFault">FailedPrecondition: it is over, committed (abort), or on its way back already to something else.</exception>
    public void End(ShimCall call, bool rollback)
    {
        if (IsOver) throw RuntimeFault.FailedPrecondition("failed to end the swap: none is under way");
        if (!rollback && SwapLifecycle.IsCommitted(_phase, Overlaps))
            throw RuntimeFault.FailedPrecondition("failed to abort the swap: it is committed; roll it back instead");
        Keep(_enders, call);
        Because(rollback ? "a rollback was asked for" : "it was aborted");
        Move(rollback ? SwapTrigger.RollbackAsked : SwapTrigger.AbortAsked);
    }

    /// <summary>A stop of the container takes precedence. The current generation, when this returns, is the one to be stopped.</summary>
    public void Preempt()
    {
        Because("the container was stopped");
        Move(SwapTrigger.StopAsked);
    }

    public void Created(Generation generation)
    {
        if (generation != _new) return;
        _host.FitLeaf(generation);
        Move(SwapTrigger.Advanced);
    }

    public void Running(Generation generation)
    {
        _journal.Update(generation);
        if (generation == _fallback) _host.FitLeaf(generation);
        if (generation == _new || generation == _fallback) Move(SwapTrigger.Advanced);
    }

    public void Ended(Generation generation)
    {
        _journal.Update(generation);
        _host.Held.PutRight();
        if (_phase is SwapPhase.Undo or SwapPhase.Revert && generation != _fallback)
        {
            GoBack();
            return;
        }

        // The old one's end is what a swap brings about; before it did, it is the reason.
        if (generation != _old || _phase is SwapPhase.Prepare or SwapPhase.Create) Because(EndOf(generation));
        if (generation == _old) Move(SwapTrigger.OldEnded);
        else if (generation == _new) Move(SwapTrigger.NewEnded);
        else if (generation == _fallback) Move(SwapTrigger.Failed);
    }

    private static string EndOf(Generation generation)
    {
        var exit = generation.Exit!;
        var message = exit.Message.Length > 0 ? $", {exit.Message}" : "";
        return $"generation {generation.Number} ended: {exit.Reason}, {exit.Code}{message}";
    }

    /// <summary>The first reason is the cause; what follows from it is not.</summary>
    private void Because(string cause)
    {
        if (_cause.Length == 0) _cause = cause;
    }

    private void Move(SwapTrigger happened)
    {
        if (SwapLifecycle.Next(_phase, happened, Facts) is { } next) Enter(next, happened);
    }

    private void Enter(SwapPhase phase, SwapTrigger happened)
    {
        var last = _phase;
        _phase = phase;
        _ready = EndCheckUnless(phase);
        _probation.Clear();
        BeginUpkeep(phase);
        if (phase == SwapPhase.Commit) _host.Promote(_new!);
        var outcome = phase == SwapPhase.Done ? SwapLifecycle.Outcome(last, happened) : SwapOutcome.Unspecified;
        if (outcome is not SwapOutcome.Unspecified) Settle(outcome);
        var written = Record(outcome);
        if (!written && phase is SwapPhase.Prepare or SwapPhase.Create)
        {
            Because("swap.json can't be written; is the state directory full?");
            Move(SwapTrigger.Failed);
            return;
        }

        if (phase == SwapPhase.Done) Finish(outcome);
        else Act(phase);
    }

    /// <summary>Journaled, then told.</summary>
    private bool Record(SwapOutcome outcome)
    {
        var current = _host.Current;
        var happened = new SwapEvent
        {
            Phase = _phase, AtNanos = NowNanos(), Generation = current.Number, Pid = current.Pid, PidStartTicks = current.PidStartTicks, Cause = _cause,
        };
        _events.Add(happened);
        var written = _journal.TryWrite(Entry(outcome), current.Number);
        foreach (var follower in _followers.ToArray()) follower.Send(happened);
        return written;
    }

    private SwapEntry Entry(SwapOutcome outcome)
    {
        var timeline = new (SwapPhase, long)[_events.Count];
        for (var i = 0; i < timeline.Length; i++) timeline[i] = (_events[i].Phase, _events[i].AtNanos);
        return new SwapEntry
        {
            RequestId = _request.RequestId,
            Level = _request.Level,
            Phase = _phase,
            Outcome = outcome,
            Cause = _cause,
            Old = _old.Number,
            Target = _request.Target.Number,
            OldImageId = _request.Old.ImageId,
            TargetImageId = _request.Target.ImageId,
            Timeline = timeline,
        };
    }

    private void Finish(SwapOutcome outcome)
    {
        var current = _host.Current;
        _result = new SwapResult
        {
            Outcome = outcome, Generation = current.Number, Pid = current.Pid, PidStartTicks = current.PidStartTicks, Cause = _cause, AtNanos = NowNanos(),
        };
        if (HandsOver) _host.Held.PutNamesBack(); // a name that the old one took away is the new one's
        _host.LetGo();
        if (current.HasEnded) _host.EndContainer();
        DeleteRetired();
        foreach (var caller in _followers.Concat(_enders).ToArray()) caller.Reply(_result);
        _followers.Clear();
        _enders.Clear();
        (_new, _fallback) = (null, null);
    }

    private static long NowNanos() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
}
