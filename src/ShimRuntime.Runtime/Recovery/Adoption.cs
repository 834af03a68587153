using Microsoft.Extensions.Logging;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>Makes a living daemon's idea of one container out of what was found.</summary>
internal sealed class Adoption(ContainerParts parts)
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(2);
    private readonly ILogger _log = parts.Logs.CreateLogger<Adoption>();
    private readonly StartSettlement _settlement = new(parts);

    /// <summary>Rows 1 and 2: as recorded. Its shim, if it lives, is kept for its removal.</summary>
    public static ContainerEntry Ended(Recoverer.Found found, ContainerExit? exit)
    {
        var phase = found.Record.Phase == ContainerPhase.Removing ? ContainerPhase.Removing : ContainerPhase.Exited;
        var started = exit is { StartedAtNanos: not 0 } ? exit.StartedAtNanos : found.Record.StartedAtNanos;
        var record = found.Record with { Phase = phase, Exit = exit, StartedAtNanos = started };
        return new ContainerEntry(record, found.Request) { Shim = found.Shim };
    }

    /// <summary>Rows 5 and 6: as the shim says.</summary>
    public ContainerEntry Living(Recoverer.Found found)
    {
        var entry = new ContainerEntry(AsToldBy(found.Hello!, found.Record), found.Request) { Shim = found.Shim };
        SettleStart(entry, found.Shim!);
        return entry;
    }

    /// <summary>Row 7: as shim.json says, or else the leaf cgroup, until the shim answers.</summary>
    public ContainerEntry Silent(Recoverer.Found found)
    {
        var entry = new ContainerEntry(AsLastSaid(found.Record), found.Request) { Shim = found.Shim };
        _ = Task.Run(() => AskUntilAnsweredAsync(entry, found.Shim!), CancellationToken.None);
        return entry;
    }

    /// <summary>Row 8: nobody is left to collect its exit.</summary>
    public async Task<ContainerEntry> KillLostAsync(Recoverer.Found found)
    {
        _log.LogError("container {Id}: its shim died while no daemon ran; killing what it left", found.Record.Id);
        await parts.Killer.KillAsync(found.Record.ContainerCgroup, parts.Stopping).ConfigureAwait(false);
        return EndedHere(found, ContainerSupervisor.LostExit());
    }

    /// <summary>Rows 4 and 9.</summary>
    public ContainerEntry Unknown(Recoverer.Found found) => EndedHere(found, ContainerSupervisor.UnknownExit(
        found.Record.BootId == BootId.Current ? "neither its shim nor a process of it is left" : "the machine was rebooted"));

    /// <summary>Row 3, and a removal whose record is all that is left. The name is free already; only what the id names is touched.</summary>
    public async Task UndoCreateAsync(ContainerRecord record)
    {
        await ShimEnd.ByDirectoryAsync(parts.Files.Paths.Run(record.Id), parts.Stopping).ConfigureAwait(false);
        await parts.Leftovers.RemoveAsync(record, parts.Stopping).ConfigureAwait(false);
        parts.Files.Delete(record.Id);
        _log.LogInformation("container {Id}: what its unfinished create or removal had left is gone", record.Id);
    }

    public void Watch(ContainerEntry entry, RunningShim? shim)
    {
        if (shim is not null && !entry.Ended.IsCompleted) parts.Supervisor.Watch(entry, shim);
    }

    /// <summary>A start that is under way in the shim is news that only asking brings: nobody waits for its answer any more.</summary>
    private void SettleStart(ContainerEntry entry, RunningShim shim)
    {
        if (entry.Record.Phase == ContainerPhase.Starting)
            entry.Starting = Task.Run(() => _settlement.SettleAsync(entry, shim), CancellationToken.None);
    }

    private ContainerEntry EndedHere(Recoverer.Found found, ContainerExit exit)
    {
        var entry = Ended(found, exit with { StartedAtNanos = parts.Files.ReadStarted(found.Record.Id) });
        parts.Supervisor.Record(entry);
        return entry;
    }

    private async Task AskUntilAnsweredAsync(ContainerEntry entry, RunningShim shim)
    {
        while (!shim.Gone.IsCompleted && !entry.Ended.IsCompleted && !parts.Stopping.IsCancellationRequested)
        {
            try
            {
                var hello = await shim.HelloAsync(parts.Stopping).ConfigureAwait(false);
                await using var pass = (await entry.Gate.EnterAsync(parts.Stopping).ConfigureAwait(false)).ConfigureAwait(false);
                if (!entry.Ended.IsCompleted && entry.Stopping is null) entry.Amend(r => AsToldBy(hello, r));
                SettleStart(entry, shim);
                _log.LogInformation("container {Id}: its shim answers again", entry.Id);
                return;
            }
            catch (Exception e) when (e is ShimFault or OperationCanceledException)
            {
                _log.LogDebug("container {Id}: its shim is still silent: {Cause}", entry.Id, e.Message);
            }

            await Task.WhenAny(shim.Gone, Task.Delay(AskAgain, parts.Stopping)).ConfigureAwait(false);
        }
    }

    private ContainerRecord AsLastSaid(ContainerRecord record)
    {
        if (ShimFile.TryRead(parts.Files.Paths.ShimRecord(record.Id)) is { } said) return AsLastSaidBy(said, record);
        return record with { Phase = parts.Killer.HasProcesses(record.ContainerCgroup) ? ContainerPhase.Running : ContainerPhase.Created };
    }

    /// <summary>By shim.json; where that says EXITED the record's phase stays.</summary>
    public static ContainerRecord AsLastSaidBy(ShimRecord said, ContainerRecord record) => AsToldBy(new HelloResponse
    {
        State = said.State,
        Generation = said.Generation,
        Pid = said.Pid,
        PidStartTicks = said.PidStartTicks,
        StartedAtNanos = said.StartedAtNanos,
    }, record);

    private static ContainerRecord AsToldBy(HelloResponse hello, ContainerRecord record) => record.WithGeneration(hello.Generation) with
    {
        Phase = hello.State switch
        {
            ShimState.Created => ContainerPhase.Created,
            ShimState.Starting => ContainerPhase.Starting,
            ShimState.Running => ContainerPhase.Running,
            ShimState.Stopping => ContainerPhase.Stopping,
            _ => record.Phase,
        },
        Pid = hello.Pid,
        PidStartTicks = hello.PidStartTicks,
        StartedAtNanos = hello.StartedAtNanos,
    };
}
