using Microsoft.Extensions.Logging;

namespace ShimRuntime.Runtime.Containers;

/// <summary>StopContainer: idempotent; a stop during a stop may shorten it and shares its outcome.</summary>
internal sealed class StopVerb(ContainerParts parts)
{
    // kubelet may send any int64 of seconds; the shim's timer has 31 bits of milliseconds, some 24 days.
    private static readonly TimeSpan LongestGrace = TimeSpan.FromMilliseconds(int.MaxValue);
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
        if (await DecideAsync(entry, grace, client).ConfigureAwait(false) is { } stop)
            await stop.Completion.WaitAsync(client).ConfigureAwait(false);
    }

    /// <summary>Null: nothing runs.</summary>
    private async Task<StopOperation?> DecideAsync(ContainerEntry entry, TimeSpan grace, CancellationToken client)
    {
        await using var pass = (await entry.Gate.EnterAsync(client).ConfigureAwait(false)).ConfigureAwait(false);
        if (entry.Record.Phase == ContainerPhase.Creating) return null;
        entry.Advance(ContainerEvent.StopRequested, "stop");
        if (entry.Record.Phase != ContainerPhase.Stopping) return null;
        if (entry.Stopping is { Completion.IsCompleted: false } running) running.ShortenTo(grace);
        else entry.Stopping = new StopOperation(entry, parts.Killer, _log).Begin(grace, parts.Stopping);
        return entry.Stopping;
    }
}
