using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Concurrency;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// One container in memory: its immutable record, swapped whole by whoever holds <see cref="Gate"/>, its shim, and the long operations
/// that later calls join. Readers take no lock.
/// </summary>
public sealed class ContainerEntry
{
    private readonly TaskCompletionSource<ContainerExit> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ContainerRecord _record;
    private volatile RunningShim? _shim;
    private bool _createdTold;
    private bool _startedTold;

    public ContainerEntry(ContainerRecord record, CreateContainerRequest request)
    {
        _record = record;
        Request = request;
        // An earlier daemon has told this much; of an end it may not have known.
        _createdTold = record.Phase != ContainerPhase.Creating;
        _startedTold = record.Exit is not null || ContainerLifecycle.IsRunning(record.Phase);
        if (record.Exit is { } exit) _ended.TrySetResult(exit);
    }

    public string Id => _record.Id;

    public Gate Gate { get; } = new();

    public ContainerRecord Record => _record;

    /// <summary>As kubelet sent it; never changed.</summary>
    public CreateContainerRequest Request { get; }

    public ContainerConfig Config => Request.Config;

    /// <summary>Null before create has got so far, and once the shim is gone.</summary>
    public RunningShim? Shim
    {
        get => _shim;
        set => _shim = value;
    }

    /// <summary>Completes with the end of the container; never faults.</summary>
    public Task<ContainerExit> Ended => _ended.Task;

    /// <summary>Told of every change under the gate; set by the store.</summary>
    internal IContainerObserver? Observer { get; set; }

    /// <summary>The start under way; set and read under the gate.</summary>
    internal Task? Starting { get; set; }

    /// <inheritdoc cref="Starting"/>
    internal StopOperation? Stopping { get; set; }

    /// <inheritdoc cref="Starting"/>
    internal Task? Removing { get; set; }

    /// <summary>The swap under way, or the last one that this daemon has seen; set and read under the gate.</summary>
    internal SwapFlight? Swapping { get; set; }

    /// <summary>The record as it is for the generation that an exec is to run in: one that was started in a swap may not be committed yet.</summary>
    internal ContainerRecord Serving => Swapping is { IsBetween: true } && Record is { Swap: { IsCommitted: false } swap } record
        ? record.WithSource(swap.Target)
        : Record;

    /// <summary>Under the gate.</summary>
    internal SwapRates SwapRates { get; } = new(TimeProvider.System);

    /// <summary>The last of a row of updates, each waiting for the one before; set and read under the gate.</summary>
    internal Task Updating { get; set; } = Task.CompletedTask;

    /// <summary>Caller holds the gate. Moves on, or throws FailedPrecondition and changes nothing.</summary>
    public void Advance(ContainerEvent happened, string verb, Func<ContainerRecord, ContainerRecord>? change = null)
    {
        var record = _record;
        var next = ContainerLifecycle.Next(record.Phase, happened)
            ?? throw RuntimeFault.FailedPrecondition($"failed to {verb} container '{record.Id}': it is {Describe(record.Phase)}");
        record = record with { Phase = next };
        _record = change is null ? record : change(record);
        if (happened == ContainerEvent.Prepared) Tell(ref _createdTold, ContainerChange.Created);
        if (happened == ContainerEvent.Started) Tell(ref _startedTold, ContainerChange.Started);
    }

    /// <summary>Caller holds the gate. Facts that don't move the phase.</summary>
    public void Amend(Func<ContainerRecord, ContainerRecord> change) => _record = change(_record);

    /// <summary>Caller holds the gate. The first end wins; false when it was known already.</summary>
    public bool End(ContainerExit exit)
    {
        if (_record.Exit is not null || ContainerLifecycle.Next(_record.Phase, ContainerEvent.Ended) is not { } next) return false;
        var started = exit.StartedAtNanos != 0 ? exit.StartedAtNanos : _record.StartedAtNanos;
        _record = _record with { Phase = next, Exit = exit, StartedAtNanos = started, Pid = 0, PidStartTicks = 0 };
        // The end may overtake the start's answer; what ran has started all the same.
        if (exit.StartedAtNanos != 0 && exit.Reason != ExitReasons.StartError) Tell(ref _startedTold, ContainerChange.Started);
        Observer?.Changed(this, ContainerChange.Stopped);
        _ended.TrySetResult(exit);
        return true;
    }

    /// <summary>By the store, once nobody finds it there any more. One that nobody was told of is not told of now.</summary>
    internal void TellDeleted()
    {
        if (_createdTold) Observer?.Changed(this, ContainerChange.Deleted);
    }

    private void Tell(ref bool told, ContainerChange change)
    {
        if (told) return;
        told = true;
        Observer?.Changed(this, change);
    }

    /// <summary>The word that a user reads.</summary>
    public static string Describe(ContainerPhase phase) => phase switch
    {
        ContainerPhase.Creating => "still being created",
        ContainerPhase.Created => "created and not started",
        ContainerPhase.Starting => "starting",
        ContainerPhase.Running => "running",
        ContainerPhase.Stopping => "being stopped",
        ContainerPhase.Exited => "exited",
        _ => "being removed",
    };
}
