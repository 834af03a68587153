using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Swaps.Readiness;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Swaps;

/// <content>A swap, under way in any phase or over, that another program of this process goes on with.</content>
internal sealed partial class SwapOperation
{
    private SwapOperation((EpollLoop Loop, ISwapHost Host, SwapJournal Journal) parts, SavedSwap saved, Generation old)
        : this(parts.Loop, parts.Host, parts.Journal, saved.Request)
    {
        _old = old;
        (_phase, _result, _cause, _oldIsStopping) = (saved.Phase, saved.Result, saved.Cause, saved.OldIsStopping);
        _untilUpkeep = TimeSpan.FromMilliseconds(saved.UpkeepMilliseconds);
        _events.AddRange(saved.Events);
        _upkeep.DueMilliseconds = saved.UpkeepDue;
        _probation.DueMilliseconds = saved.ProbationDue;
    }

    /// <summary>Generations that it holds on to, whether or not runc still knows them.</summary>
    public IEnumerable<Generation> Generations => IsOver ? [] : new[] { _old, _new, _fallback }.OfType<Generation>();

    /// <param name="generations">As the state has them; the swap names them by index.</param>
    public static SwapOperation Load(
        (EpollLoop Loop, ISwapHost Host, SwapJournal Journal) parts, SavedSwap saved, IReadOnlyList<Generation> generations, StateReader reader)
    {
        var old = saved.HasOld ? generations[(int)saved.Old] : parts.Host.Current;
        var swap = new SwapOperation(parts, saved, old)
        {
            _new = saved.HasNew ? generations[(int)saved.New] : null,
            _fallback = saved.HasFallback ? generations[(int)saved.Fallback] : null,
        };
        foreach (var call in saved.Followers) Keep(swap._followers, reader.Call(call)!);
        foreach (var call in saved.Enders) Keep(swap._enders, reader.Call(call)!);
        if (saved.Ready is not { } ready) return swap;
        swap._ready = ReadyChecks.Of(saved.Request.Ready, parts.Loop, swap._new!);
        swap._ready.Load(ready, swap.BecameReady, swap.NeverReady);
        return swap;
    }

    public SavedSwap Save(StateWriter writer, IReadOnlyList<Generation> generations)
    {
        var saved = new SavedSwap
        {
            Request = _request,
            Events = { _events },
            Result = _result,
            Phase = _phase,
            Cause = _cause,
            OldIsStopping = _oldIsStopping,
            UpkeepMilliseconds = (long)Math.Ceiling(_untilUpkeep.TotalMilliseconds),
            UpkeepDue = _upkeep.DueMilliseconds,
            ProbationDue = _probation.DueMilliseconds,
            Followers = { _followers.Select(c => c.Save()!) },
            Enders = { _enders.Select(c => c.Save()!) },
        };
        if (IsOver) return saved;
        saved.Ready = _ready?.Save(writer);
        saved.Old = IndexOf(_old);
        if (_new is not null) saved.New = IndexOf(_new);
        if (_fallback is not null) saved.Fallback = IndexOf(_fallback);
        return saved;

        uint IndexOf(Generation generation) => (uint)Enumerable.Range(0, generations.Count).First(i => generations[i] == generation);
    }

    private static void Keep(List<ShimCall> calls, ShimCall call)
    {
        calls.Add(call);
        call.OnAbandoned = () => calls.Remove(call);
    }
}
