using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <content>StopPodSandbox and RemovePodSandbox: both idempotent, both joined by later calls.</content>
public sealed partial class SandboxService
{
    public Task StopAsync(string sandboxId, CancellationToken client) =>
        _store.FindEntry(sandboxId) is { } entry ? StopEntryAsync(entry).WaitAsync(client) : Task.CompletedTask;

    public Task RemoveAsync(string sandboxId, CancellationToken client) =>
        _store.FindEntry(sandboxId) is { } entry ? RemoveEntryAsync(entry).WaitAsync(client) : Task.CompletedTask;

    private async Task StopEntryAsync(SandboxEntry entry)
    {
        Task end;
        await using (await entry.Gate.EnterAsync(_parts.Stopping).ConfigureAwait(false))
        {
            switch (entry.Current.Phase)
            {
                case SandboxPhase.Stopped or SandboxPhase.Removing:
                    return;
                case SandboxPhase.Creating:
                    entry.CancelCreation();
                    end = entry.Created.Task;
                    break;
                default:
                    if (entry.Stop is null or { IsCompleted: true })
                    {
                        Enter(entry, SandboxPhase.Stopping);
                        entry.Stop = Task.Run(() => ReleaseAsync(entry));
                    }

                    end = entry.Stop;
                    break;
            }
        }

        await end.ConfigureAwait(false);
    }

    /// <summary>What fails is told to the caller, and tried again in the background whether or not the caller comes back.</summary>
    private async Task ReleaseAsync(SandboxEntry entry)
    {
        try
        {
            await _parts.Containers().StopAllAsync(entry.Id, TimeSpan.Zero, _parts.Stopping).ConfigureAwait(false);
            _parts.EndSessions(entry.Id);
            await _teardown.ReleaseAsync(entry.Current, _parts.Stopping).ConfigureAwait(false);
            await using (await entry.Gate.EnterAsync(_parts.Stopping).ConfigureAwait(false))
            {
                entry.Update(s => s with { Ips = [] }); // released: they may be another pod's by now
                Enter(entry, SandboxPhase.Stopped);
                TellEnd(entry);
            }
        }
        catch (Exception e) when (e is RuntimeFault or IOException)
        {
            _reclaimer.Schedule(entry.Id, _ => StopEntryAsync(entry));
            throw e as RuntimeFault ?? RuntimeFault.Internal($"failed to stop pod sandbox '{entry.Id}': {e.Message}; it is tried again until it works", e);
        }
    }

    private async Task RemoveEntryAsync(SandboxEntry entry)
    {
        await StopEntryAsync(entry).ConfigureAwait(false);
        Task end;
        await using (await entry.Gate.EnterAsync(_parts.Stopping).ConfigureAwait(false))
        {
            // Stopped while Creating: the undo has removed it already.
            if (entry.Current.Phase == SandboxPhase.Creating || _store.Find(entry.Id) is null) return;
            if (entry.Removal is null or { IsCompleted: true })
            {
                Enter(entry, SandboxPhase.Removing);
                entry.Removal = Task.Run(() => FinishRemovalAsync(entry));
            }

            end = entry.Removal;
        }

        await end.ConfigureAwait(false);
    }

    private async Task FinishRemovalAsync(SandboxEntry entry)
    {
        try
        {
            await _parts.Containers().RemoveAllAsync(entry.Id, _parts.Stopping).ConfigureAwait(false);
            await DestroyAsync(entry, _parts.Stopping).ConfigureAwait(false);
            _store.Remove(entry.Id);
            TellDeleted(entry);
        }
        catch (Exception e) when (e is RuntimeFault or IOException)
        {
            _reclaimer.Schedule(entry.Id, _ => RemoveEntryAsync(entry));
            throw e as RuntimeFault ?? RuntimeFault.Internal($"failed to remove pod sandbox '{entry.Id}': {e.Message}; it is tried again until it works", e);
        }
    }
}
