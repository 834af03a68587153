using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.Runtime.Swap;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>
/// Does what <see cref="RecoveryPlan"/> decides, for all containers at once, with a deadline for each one's shim. What takes longer than a
/// look (undoing, removing, orphans) goes on in the background; a record that can't be read is moved aside and stops nobody.
/// </summary>
internal sealed class Recoverer(ContainerParts parts, RemoveVerb remove, SwapPilot pilot)
{
    // CRI waits for the slowest of all; a shim that takes longer is adopted as silent and asked again.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private readonly ILogger _log = parts.Logs.CreateLogger<Recoverer>();
    private readonly Adoption _adoption = new(parts);
    private readonly RecordRebuild _rebuild = new(parts);
    private readonly ConcurrentBag<Task> _clearing = [];

    /// <summary>Never faulted; over once this start has tried to clear away all that it found without an owner.</summary>
    public Task Cleared => Task.WhenAll(_clearing);

    public async Task RunAsync(CancellationToken cancellation)
    {
        parts.Files.MakeRoots();
        var ids = parts.Files.Ids();
        var orphans = new Orphans(parts, ids);
        var stale = parts.Files.StagingLeftovers(); // named now: new ones appear once CRI is served
        await Task.WhenAll(ids.Select(id => Task.Run(() => RecoverAsync(id, orphans, cancellation), cancellation))).ConfigureAwait(false);
        _log.LogInformation("recovered {Count} containers", ids.Count);
        _clearing.Add(InBackground("remove orphans", "", () => orphans.RemoveAsync(parts.Stopping)));
        _ = InBackground("empty", parts.Files.Paths.Staging, () => Task.Run(() => { foreach (var path in stale) ContainerFiles.DeleteStaging(path); }));
        if (ids.Count > 0) _ = InBackground("sync", "records", SyncAsync);
    }

    /// <summary>What the daemon before wrote and was killed before it synced: one syncfs(2) for all.</summary>
    private Task SyncAsync()
    {
        using var records = SafeDirFd.Open(parts.Files.Paths.AllDurable);
        records.SyncFilesystem();
        return Task.CompletedTask;
    }

    private async Task RecoverAsync(string id, Orphans orphans, CancellationToken cancellation)
    {
        try
        {
            // Never written: of a creation that had made nothing yet. Deleted: of a removal that was done but for its directory. Lost with the
            // power: of a container that was not started, whose writable layer may still be there.
            if (!parts.Files.HasRecord(id))
            {
                parts.Files.Delete(id);
                orphans.Add(id);
                return;
            }

            if (parts.Files.TryReadDeleted(id) is { } deleted)
            {
                _clearing.Add(InBackground("finish the removal of", id, () => _adoption.UndoCreateAsync(deleted)));
                return;
            }

            var (record, request) = await ReadAsync(id, cancellation).ConfigureAwait(false);
            await RecoverAsync(record, request, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (ContainerFiles.IsTorn(e) && parts.Files.HasNothingToTell(id))
        {
            _log.LogWarning("container {Id} had not been started, or was being removed, when the power went: what is left of it is removed ({Cause})", id, e.Message);
            parts.Files.Delete(id);
            orphans.Add(id);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _log.LogError(e, "container {Id}: its record can't be used; it is now in {Aside}, and what is left of it is removed",
                id, TryMoveAside(id));
            orphans.Add(id);
        }
    }

    private async Task<(ContainerRecord Record, CreateContainerRequest Request)> ReadAsync(string id, CancellationToken cancellation)
    {
        try
        {
            return parts.Files.Read(id);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException)
        {
            if (await _rebuild.TryAsync(id, cancellation).ConfigureAwait(false) is { } rebuilt) return rebuilt;
            throw;
        }
    }

    private async Task RecoverAsync(ContainerRecord record, CreateContainerRequest request, CancellationToken cancellation)
    {
        var exit = ExitFile.TryRead(parts.Files.Paths.Exit(record.Id));
        var sameBoot = record.BootId == BootId.Current;
        var process = new ProcessIdentity(record.ShimPid, record.ShimStartTicks);
        var shim = sameBoot && record.ShimPid != 0
            ? RunningShim.TryOpen(parts.Files.Paths.Socket(record.Id), process, parts.ShimOwner)
            : null;
        var undecided = exit is null && record.Phase is not (ContainerPhase.Removing or ContainerPhase.Exited or ContainerPhase.Creating);
        var hello = undecided && shim is not null ? await AskAsync(record.Id, shim, cancellation).ConfigureAwait(false) : null;
        var initAlive = undecided && sameBoot && parts.Killer.HasProcesses(record.ContainerCgroup);
        var newGeneration = hello is not null && hello.Generation != record.Generation;
        var facts = new RecoveryFacts(record.Phase, exit is not null, sameBoot, Answer(shim, hello), newGeneration, initAlive);
        var action = RecoveryPlan.Decide(facts);
        _log.LogDebug("container {Id}: {Facts}: {Action}", record.Id, facts, action);
        await ActAsync(action, new Found(record, request, shim, hello, exit)).ConfigureAwait(false);
    }

    private async Task<HelloResponse?> AskAsync(string id, RunningShim shim, CancellationToken cancellation)
    {
        try
        {
            var hello = await shim.HelloAsync(Patience, cancellation).ConfigureAwait(false);
            if (hello.ProtocolVersion != ShimMethods.ProtocolVersion)
            {
                // The previous one is an upgrade's everyday; any other nobody has tried.
                _log.Log(ShimMethods.IsSpoken(hello.ProtocolVersion) ? LogLevel.Information : LogLevel.Warning,
                    "container {Id}: its shim speaks protocol {Theirs} (this daemon: {Ours}); it is adopted with what both know",
                    id, hello.ProtocolVersion, ShimMethods.ProtocolVersion);
            }

            if (hello.ContainerId == id) return hello;
            _log.LogError("container {Id}: shim {Shim} answers for '{Other}'; it counts as silent",
                id, ProcessState.Describe(shim.Process.Pid), hello.ContainerId);
            return null;
        }
        catch (ShimFault e)
        {
            _log.LogWarning("shim {Shim} does not answer: {Cause}", ProcessState.Describe(shim.Process.Pid), e.Message);
            return null;
        }
    }

    private static ShimAnswer Answer(RunningShim? shim, HelloResponse? hello) => (shim, hello?.State) switch
    {
        (null, _) or ({ Gone.IsCompleted: true }, null) => ShimAnswer.Dead,
        (_, ShimState.Created) => ShimAnswer.Created,
        (_, ShimState.Starting) => ShimAnswer.Starting,
        (_, ShimState.Running) => ShimAnswer.Running,
        (_, ShimState.Stopping) => ShimAnswer.Stopping,
        (_, ShimState.Exited) => ShimAnswer.Exited,
        _ => ShimAnswer.Silent,
    };

    private async Task ActAsync(RecoveryAction action, Found found)
    {
        if (action == RecoveryAction.UndoCreate)
        {
            _clearing.Add(InBackground("undo the create of", found.Record.Id, () => _adoption.UndoCreateAsync(found.Record)));
            return;
        }

        var entry = action switch
        {
            RecoveryAction.FinishRemoval or RecoveryAction.KeepExited => Adoption.Ended(found, found.Exit ?? found.Record.Exit),
            RecoveryAction.AdoptEnd => Adoption.Ended(found, ExitFile.From(found.Hello!.Exit)),
            RecoveryAction.Adopt or RecoveryAction.AdoptGeneration => _adoption.Living(found),
            RecoveryAction.AdoptSilent => _adoption.Silent(found),
            RecoveryAction.KillLost => await _adoption.KillLostAsync(found).ConfigureAwait(false),
            _ => _adoption.Unknown(found),
        };
        if (!parts.Names.Restore(new ContainerNames.Claim(entry.Record.Name, entry.Id, entry.Request)))
            _log.LogWarning("container {Id}: another one has the name '{Name}' too", entry.Id, entry.Record.Name);
        parts.Store.Add(entry);
        if (entry.Record.Phase is not (ContainerPhase.Created or ContainerPhase.Starting)) parts.Leftovers.ReleaseStages(entry.Id);
        if (entry.Record is { Phase: ContainerPhase.Exited, Exit.FinishedAtNanos: var at } && at >= parts.LastPulseNanos)
            parts.Store.Observer?.Changed(entry, ContainerChange.FoundStopped);
        if (action == RecoveryAction.FinishRemoval) _ = InBackground("remove", entry.Id, () => remove.RemoveAsync(entry, parts.Stopping));
        else _adoption.Watch(entry, found.Shim);
        if (action != RecoveryAction.FinishRemoval && entry.Record.Swap is { } pending) pilot.Resume(entry, pending);
    }

    private string TryMoveAside(string id)
    {
        try
        {
            return parts.Files.MoveAside(id);
        }
        catch (IOException e)
        {
            return $"its place, because it can't be moved ({e.Message})";
        }
    }

    /// <summary>Over after the first attempt; what fails is tried again until it works, at ever longer intervals.</summary>
    private Task InBackground(string what, string id, Func<Task> work) => Task.Run(async () =>
    {
        if (!await SucceedsAsync(what, id, work).ConfigureAwait(false)) _ = Task.Run(() => AgainAsync(what, id, work), CancellationToken.None);
    }, CancellationToken.None);

    private async Task AgainAsync(string what, string id, Func<Task> work)
    {
        for (var pause = BackOff.First; ; pause = BackOff.After(pause))
        {
            await Task.Delay(pause, parts.Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (parts.Stopping.IsCancellationRequested || await SucceedsAsync(what, id, work).ConfigureAwait(false)) return;
        }
    }

    private async Task<bool> SucceedsAsync(string what, string id, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
            return true;
        }
        catch (Exception e)
        {
            if (!parts.Stopping.IsCancellationRequested) _log.LogError(e, "failed to {What} {Id}; tried again until it works", what, id);
            return false;
        }
    }

    /// <summary>One container, as it was found.</summary>
    internal sealed record Found(
        ContainerRecord Record, CreateContainerRequest Request, RunningShim? Shim, HelloResponse? Hello, ContainerExit? Exit);
}
