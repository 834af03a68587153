using Microsoft.Extensions.Logging;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Swap;

/// <summary>Puts a swap's steps into the container's record, and takes away what nobody uses any more.</summary>
internal sealed class SwapSettlement(ContainerParts parts)
{
    private static readonly TimeSpan WriteAgain = TimeSpan.FromSeconds(1);
    private readonly SwapPreparation _preparation = new(parts);
    private readonly ILogger _log = parts.Logs.CreateLogger<SwapSettlement>();

    /// <summary>The change is in memory and on disk when this returns; a change that throws is neither.</summary>
    public async Task RecordAsync(ContainerEntry entry, Func<ContainerRecord, ContainerRecord> change, CancellationToken token)
    {
        await using var pass = (await entry.Gate.EnterAsync(token).ConfigureAwait(false)).ConfigureAwait(false);
        entry.Amend(change);
        if (entry.Record.Phase != ContainerPhase.Removing) parts.Files.Write(entry.Record);
    }

    /// <summary>From here on every answer shows the new generation; the old one's image and layer stay for the way back.</summary>
    public async Task CommitAsync(ContainerEntry entry, PendingSwap pending, SwapEvent happened)
    {
        var committed = pending with { IsCommitted = true };
        await RecordHappenedAsync(entry, r => WithProcess(r.WithSource(pending.Target) with { Swap = committed }, happened.Pid, happened.PidStartTicks))
            .ConfigureAwait(false);
    }

    public async Task SettleAsync(ContainerEntry entry, PendingSwap pending, SwapEnd end)
    {
        await RecordHappenedAsync(entry, r => Settled(r, pending, end)).ConfigureAwait(false);
        try
        {
            await CleanAsync(entry.Record, pending).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.LogWarning("container {Id}: what swap {Swap} leaves goes with the container: {Cause}", entry.Id, pending.RequestId, e.Message);
        }
    }

    /// <summary>
    /// What the shim has done is so, whether or not the disk has room for it: in memory at once, on disk as soon as can be. A daemon that
    /// dies in between leaves an older record, whose swap the next one finds in swap.json, or asks the shim for.
    /// </summary>
    private async Task RecordHappenedAsync(ContainerEntry entry, Func<ContainerRecord, ContainerRecord> change)
    {
        try
        {
            await RecordAsync(entry, change, parts.Stopping).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            _log.LogWarning("container {Id}: its record is written as soon as it can be: {Cause}", entry.Id, e.Message);
            _ = Task.Run(() => WriteLaterAsync(entry), CancellationToken.None);
        }
    }

    private async Task WriteLaterAsync(ContainerEntry entry)
    {
        try
        {
            while (!await TryWriteAsync(entry).ConfigureAwait(false)) await Task.Delay(WriteAgain, parts.Stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The next daemon settles it.
        }
    }

    private async Task<bool> TryWriteAsync(ContainerEntry entry)
    {
        try
        {
            await RecordAsync(entry, r => r, parts.Stopping).ConfigureAwait(false);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static ContainerRecord Settled(ContainerRecord record, PendingSwap pending, SwapEnd end)
    {
        var settled = record.WithSource(pending.SourceOf(end.Generation) ?? record.CurrentSource()) with { Swap = null };
        // Undone or not, the number was given to a generation.
        if (end.Outcome != SwapOutcome.Undone || end.Cause.Length > 0) settled = settled with { LastGeneration = Math.Max(settled.LastGeneration, pending.Target.Number) };
        return end.Pid == 0 ? settled : WithProcess(settled, end.Pid, end.PidStartTicks);
    }

    private static ContainerRecord WithProcess(ContainerRecord record, int pid, ulong startTicks) =>
        record.Exit is null ? record with { Pid = pid, PidStartTicks = startTicks } : record;

    private async Task CleanAsync(ContainerRecord record, PendingSwap pending)
    {
        // Both generations bind the same copies: they were held until neither would be started any more.
        parts.Leftovers.ReleaseStages(record.Id);
        var used = record.CurrentSource();
        foreach (var source in (GenerationSource[])[pending.Old, pending.Target])
        {
            if (source.SnapshotKey != used.SnapshotKey) await _preparation.RemoveRootfsAsync(record.Id, source, parts.Stopping).ConfigureAwait(false);
        }

        foreach (var number in (uint[])[pending.Old.Number, pending.Target.Number, pending.Fallback])
        {
            if (number != used.Number) _preparation.RemoveBundle(record.Id, number);
        }
    }
}
