using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <content>The pod init's death makes a sandbox NotReady: its PID namespace cannot be joined any more.</content>
public sealed partial class SandboxService
{
    /// <summary>Reaps our child when it ends.</summary>
    private void Watch(SandboxEntry entry, SpawnedProcess init) => _ = Task.Run(async () =>
    {
        using (init)
        {
            var exit = await _parts.Exits.ReapAsync(init, CancellationToken.None).ConfigureAwait(false);
            await OnInitDeathAsync(entry, exit.ToString()).ConfigureAwait(false);
        }
    });

    /// <summary>An init that an earlier daemon started.</summary>
    private void Watch(SandboxEntry entry, SafePidFd init) => _ = Task.Run(async () =>
    {
        using (init)
        {
            await _parts.Exits.WaitAsync(init, CancellationToken.None).ConfigureAwait(false);
            await OnInitDeathAsync(entry, "not our child").ConfigureAwait(false);
        }
    });

    private async Task OnInitDeathAsync(SandboxEntry entry, string how)
    {
        try
        {
            await using (await entry.Gate.EnterAsync(_parts.Stopping).ConfigureAwait(false))
            {
                if (entry.Current.Phase == SandboxPhase.Creating) entry.CancelCreation();
                if (entry.Current.Phase != SandboxPhase.Ready) return;
                Enter(entry, SandboxPhase.NotReady);
                TellEnd(entry);
            }

            _log.LogError("init of pod sandbox {Sandbox} died ({How}): the pod is not ready", entry.Id, how);
        }
        catch (OperationCanceledException)
        {
            // The daemon ends; its successor sees that the init is gone.
        }
        catch (IOException e)
        {
            _log.LogError("init of pod sandbox {Sandbox} died, and its record can't be written: {Cause}", entry.Id, e.Message);
        }
    }
}
