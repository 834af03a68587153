using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>StopContainer: idempotent; a stop during a stop may shorten it and shares its outcome; one during a start waits for the start first.</summary>
internal sealed class StopVerb(ContainerParts parts)
{
    private static readonly TimeSpan LongestGrace = TimeSpan.FromDays(365); // kubelet may send any int64 of seconds
    private readonly ILogger _log = parts.Logs.CreateLogger<StopVerb>();

    public async Task RunAsync(string containerId, TimeSpan timeout, CancellationToken client)
    {
        // CRI: stopping must not fail for a container that is stopped already, and one that was removed is.
        if (parts.Store.Matching(containerId).Count == 0 && containerId.Length > 0) return;
        await StopAsync(parts.Store.Get(containerId, "stop"), timeout, client).ConfigureAwait(false);
    }

    public async Task StopAsync(ContainerEntry entry, TimeSpan timeout, CancellationToken client)
    {
        var grace = timeout < TimeSpan.Zero ? TimeSpan.Zero : timeout > LongestGrace ? LongestGrace : timeout;
        while (await DecideAsync(entry, grace, client).ConfigureAwait(false) is { } wait)
        {
            if (wait is { Stop: { } stop })
            {
                await stop.Completion.WaitAsync(client).ConfigureAwait(false);
                return;
            }

            await SettleAsync(wait.Start!, client).ConfigureAwait(false);
        }
    }

    /// <summary>Null: nothing runs.</summary>
    private async Task<Decision?> DecideAsync(ContainerEntry entry, TimeSpan grace, CancellationToken client)
    {
        await using var pass = (await entry.Gate.EnterAsync(client).ConfigureAwait(false)).ConfigureAwait(false);
        if (entry.Record.Phase == ContainerPhase.Starting) return new Decision(entry.Starting ?? Task.CompletedTask, null);
        if (entry.Record.Phase == ContainerPhase.Creating) return null;
        entry.Advance(ContainerEvent.StopRequested, "stop");
        if (entry.Record.Phase != ContainerPhase.Stopping) return null;
        if (entry.Stopping is { Completion.IsCompleted: false } running) running.ShortenTo(grace);
        else entry.Stopping = new StopOperation(entry, parts.Killer, _log).Begin(grace, parts.Stopping);
        return new Decision(null, entry.Stopping);
    }

    private async Task SettleAsync(Task start, CancellationToken client)
    {
        try
        {
            await start.WaitAsync(client).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RuntimeFault)
        {
            _log.LogDebug("a start that a stop waited for failed: {Cause}", e.Message);
        }
    }

    private readonly record struct Decision(Task? Start, StopOperation? Stop);
}
