using ShimRuntime.Linux;
using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.Shim.Swaps;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Containers;

/// <content>Upgrade in place: all that this shim knows, for the program that takes its place, and the way back from that.</content>
internal sealed partial class Container
{
    private readonly UpgradeOperation _upgrades;

    /// <summary>Goes on where another program of this process has stopped. Touches nothing before the loop runs: whoever fails here can be replaced.</summary>
    /// <exception cref="RuntimeFault">The state does not fit together, or not to this process.</exception>
    public static Container Load(EpollLoop loop, Reaper reaper, SavedShim saved, CgroupHierarchy hierarchy)
    {
        var launch = saved.Launch;
        var log = LogFile.Inherit((launch.LogDirectory, launch.LogPath), saved.Container.Log);
        var container = new Container(loop, reaper, launch, hierarchy, log);
        container._listener = new ShimListener(loop, container._paths.Socket, new ShimService(container), saved.Listener);
        reaper.Load(saved.Unclaimed);
        var reader = new StateReader(container._listener);
        container._upgrades.Load(saved, reader);
        container.Load(saved.Container, reader);
        reader.CheckAllClaimed();
        return container;
    }

    public void Upgrade(ShimCall call) => _upgrades.Begin(call);

    /// <summary>Why it can't be handed on just now; null: it can.</summary>
    public string? Obstacle =>
        _shutdownCall is not null ? "it is being shut down"
        : _pause is not null || _dump is not null ? "a checkpoint of its container is under way; wait for its end"
        : !StateSchema.CarriesSwaps && IsSwapping ? $"swap '{_swap!.RequestId}' is under way, in phase {_swap.Phase}; wait for its end"
        : null;

    /// <summary>What went wrong with an upgrade, and when it went well, is told here.</summary>
    public void Upgraded(string failure) => _upgrades.End(failure);

    public SavedShim Save(StateWriter writer)
    {
        var container = SaveContainer(writer);
        var saved = new SavedShim
        {
            Schema = StateSchema.Current,
            LowestReader = StateSchema.LowestReaderOf(container),
            Writer = Dispatch.Version,
            Launch = _launch,
            Container = container,
            Listener = _listener!.Save(writer.Descriptors),
            Unclaimed = { _reaper.Save() },
            Upgrade = _upgrades.Save(writer),
        };
        saved.Descriptors.AddRange(writer.Descriptors.Order());
        return saved;
    }

    private SavedContainer SaveContainer(StateWriter writer)
    {
        var generations = _generations.Append(_current).Concat(_swap?.Generations ?? []).Distinct().ToList();
        var saved = new SavedContainer
        {
            State = _state,
            StartedAtNanos = _startedAtNanos,
            Exit = SavedRecords.Save(_exit),
            ExitRecorded = _exitRecorded,
            RecordAttempts = _recordAttempts,
            RecordRetryDue = _recordRetry.DueMilliseconds,
            UpdatedBeforeStart = _updatedBeforeStart,
            InForce = _limits.InForce,
            Log = _log.File.Save(writer),
            Start = _startCall?.Save(),
            Attachers = { _attachers.Save(writer) },
            HoldEndsDue = _holdEnds.DueMilliseconds,
            Held = _held.Save(writer),
            Generations = { generations.Select(g => g.Save(writer, _generations.Contains(g))) },
            Current = (uint)generations.IndexOf(_current),
            Journal = _journal?.Save(),
            Swap = _swap?.Save(writer, generations),
        };
        saved.Waiters.AddRange(_waiters.Select(w => w.Save()!));
        return saved;
    }

    private void Load(SavedContainer saved, StateReader reader)
    {
        (_state, _startedAtNanos, _exitRecorded) = (saved.State, saved.StartedAtNanos, saved.ExitRecorded);
        _exit = SavedRecords.Load(saved.Exit, _launch.ContainerId);
        _recordAttempts = saved.RecordAttempts;
        _recordRetry.DueMilliseconds = saved.RecordRetryDue;
        _updatedBeforeStart = saved.UpdatedBeforeStart;
        _limits.Inherit(saved.InForce);
        _startCall = reader.Call(saved.Start);
        foreach (var waiter in saved.Waiters) AddWaiter(reader.Call(waiter)!);
        foreach (var attacher in saved.Attachers) LoadAttacher(attacher, reader);
        _held.Load(saved.Held);
        _holdEnds.DueMilliseconds = saved.HoldEndsDue;
        var generations = LoadGenerations(saved, reader);
        _current = generations[(int)saved.Current];
        if (saved.Journal is { } journal)
        {
            _journal = new SwapJournal(_loop, _paths.SwapRecord, _launch.ContainerId);
            _journal.Load(journal);
        }

        if (saved.Swap is { } swap) _swap = SwapOperation.Load((_loop, this, _journal!), swap, generations, reader);
    }

    private List<Generation> LoadGenerations(SavedContainer saved, StateReader reader)
    {
        List<Generation> generations = [];
        foreach (var one in saved.Generations)
        {
            var generation = new Generation(_context, this, one.Number, one.Leaf);
            generation.Load(one, reader, _held);
            generations.Add(generation);
            if (one.IsKnown) _generations.Add(generation);
        }

        return generations;
    }

    private void LoadAttacher(SavedAttacher saved, StateReader reader)
    {
        var call = reader.Call(saved.Call) ?? throw RuntimeFault.Internal("the state has an attacher without a call");
        var attacher = new Attacher(call, saved);
        _attachers.Add(attacher);
        call.OnAbandoned = () => Detach(attacher);
    }
}
