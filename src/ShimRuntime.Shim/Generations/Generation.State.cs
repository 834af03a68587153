using ShimRuntime.Linux;
using ShimRuntime.Shim.Runc;
using ShimRuntime.Shim.Sockets;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using Then = ShimRuntime.ShimProtocol.State.SavedRunc.Types.Then;

namespace ShimRuntime.Shim.Generations;

/// <content>A generation that another program of this process goes on with.</content>
internal sealed partial class Generation
{
    public SavedGeneration Save(StateWriter writer, bool isKnown)
    {
        var saved = new SavedGeneration
        {
            Number = Number,
            Leaf = Leaf.Path,
            IsKnown = isKnown,
            IsMade = IsMade,
            HasStarted = HasStarted,
            StartedAtNanos = StartedAtNanos,
            Init = IsAlive ? new SavedProcess { Pid = _init!.Pid, StartTicks = _initStartTicks } : null,
            Exit = SavedRecords.Save(Exit),
            Counters = SavedRecords.Save(Counters),
            HasEnded = HasEnded,
            StopSignal = _stopSignal,
            Killed = _killed,
            StopDue = _stopDeadline.DueMilliseconds,
            DrainDue = _drainDeadline.DueMilliseconds,
            IsBeingDeleted = _isBeingDeleted,
            OomBaseline = SavedRecords.Save(_oomBaseline),
            Stdio = _stdio?.Save(writer),
            Call = _call?.Save(_then),
            Deletion = _deletion?.Save(Then.Deleted),
            RuncCalls = _runc.Calls,
            Execs = Execs.Save(writer),
            Handover = Handover is { } handover ? new SavedHandover { ByFilter = handover.ByFilter, Filters = _filters?.Save(writer) } : null,
        };
        if (_startError is { } error) saved.StartError = error;
        return saved;
    }

    /// <summary>To be called once, before anything else.</summary>
    /// <param name="held">The container's listeners, if it was to get some.</param>
    public void Load(SavedGeneration saved, StateReader reader, HeldListeners held)
    {
        (IsMade, HasStarted, HasEnded) = (saved.IsMade, saved.HasStarted, saved.HasEnded);
        StartedAtNanos = saved.StartedAtNanos;
        Exit = SavedRecords.Load(saved.Exit, _context.Launch.ContainerId);
        Counters = SavedRecords.Load(saved.Counters);
        (_stopSignal, _killed, _isBeingDeleted) = (saved.StopSignal, saved.Killed, saved.IsBeingDeleted);
        _startError = saved.HasStartError ? saved.StartError : null;
        _stopDeadline.DueMilliseconds = saved.StopDue;
        _drainDeadline.DueMilliseconds = saved.DrainDue;
        _oomBaseline = SavedRecords.Load(saved.OomBaseline);
        if (saved.Stdio is { } stdio) _stdio = ContainerStdio.Load(_context.Loop, _context.Sink, stdio, (_paths.ConsoleSocket, OutputEnded));
        if (saved.Handover is { } handover) LoadHandover(handover, held);
        LoadProcesses(saved);
        Execs.Load(saved.Execs, reader);
    }

    private void LoadHandover(SavedHandover saved, HeldListeners held)
    {
        Handover = new Handover(held, saved.ByFilter);
        if (saved.Filters is { } filters)
            _filters = new FilterSocket(_context.Loop, _paths.FilterSocket, held, filters) { OnAdopted = () => _owner.Claimed(this) };
    }

    private void LoadProcesses(SavedGeneration saved)
    {
        _runc.Calls = saved.RuncCalls;
        if (saved.Init is { } init) (_init, _initStartTicks) = (_context.Reaper.Resume(init.Pid, InitExited), init.StartTicks);
        if (saved.Deletion is { } deletion) _deletion = _runc.Resume(deletion, Deleted);
        if (saved.Call is not { } call) return;
        if (call.Then != Then.Started) _context.Reaper.ExpectOrphan();
        _then = call.Then;
        _call = _runc.Resume(call, AfterwardsOf(call.Then));
    }

    private Action<RuncResult> AfterwardsOf(Then then) => then switch
    {
        Then.MadeAndStarted => MadeAndStarted,
        Then.Made => MadeOnly,
        Then.Started => Started,
        _ => throw RuntimeFault.Internal($"the state has a runc that is for {then}"),
    };
}
