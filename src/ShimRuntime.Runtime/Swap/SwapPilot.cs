using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using ShimEvent = ShimRuntime.ShimProtocol.V1.SwapEvent;
using ShimRequest = ShimRuntime.ShimProtocol.V1.SwapRequest;
using SwapEvent = ShimRuntime.Cri.HotSwap.V1.SwapEvent;

namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// Flies one swap, under the daemon's token:
/// <code>
///   1 plan, record it as pending              names what is about to be made
///   2 layer, mount, two bundles               undone by: SwapPreparation.RemoveAsync, and the record's word
///   3 the shim is told                        from here on it goes on without this daemon
///   4 COMMIT: the record shows the new generation, before any client is told
///   5 the outcome: the record settled, what nobody uses any more taken away
/// </code>
/// A connection that breaks is made again and the swap joined; a shim that dies has ended the container.
/// </summary>
internal sealed class SwapPilot(ContainerParts parts)
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(200);
    private readonly SwapPreparation _preparation = new(parts);
    private readonly SwapSettlement _settlement = new(parts);
    private readonly ILogger _log = parts.Logs.CreateLogger<SwapPilot>();

    public async Task FlyAsync(ContainerEntry entry, SwapFlight flight, SwapTerms terms, Patch? patch)
    {
        try
        {
            Tell(flight, Phase.Prepare, entry.Record.Generation);
            var begun = await PrepareAsync(entry, flight, terms, patch).ConfigureAwait(false);
            if (begun is var (pending, request)) await FollowAsync(entry, flight, pending, request).ConfigureAwait(false);
            else Tell(flight, Phase.Done, entry.Record.Generation, Outcome.DryRun);
            flight.End();
        }
        catch (RuntimeFault e)
        {
            flight.Refuse(new RuntimeFault(e.Code, Rephrased(e.Message, entry.Id), e));
        }
        catch (OperationCanceledException) when (flight.IsCancelled)
        {
            flight.Refuse(new RuntimeFault(FaultCode.Aborted, $"failed to swap container '{entry.Id}': it was aborted before it began"));
        }
        catch (Exception e)
        {
            if (!parts.Stopping.IsCancellationRequested) _log.LogError(e, "container {Id}: swap {Swap} failed", entry.Id, flight.RequestId);
            flight.Refuse(e is IOException or UnauthorizedAccessException
                ? RuntimeFault.Internal($"failed to swap container '{entry.Id}': {e.Message}", e)
                : new RuntimeFault(FaultCode.Unavailable, $"failed to swap container '{entry.Id}': the daemon has lost sight of it; its status tells what became of it", e));
        }
    }

    /// <summary>A swap that an earlier daemon has begun. Returns at once; CRI may be served meanwhile.</summary>
    public void Resume(ContainerEntry entry, PendingSwap pending)
    {
        var flight = entry.Swapping = new SwapFlight(pending.RequestId);
        flight.Completion = Task.Run(() => ResumeAsync(entry, flight, pending), CancellationToken.None);
    }

    private async Task ResumeAsync(ContainerEntry entry, SwapFlight flight, PendingSwap pending)
    {
        try
        {
            var journal = SwapFile.TryRead(parts.Files.Paths.SwapRecord(entry.Id));
            var alive = entry.Shim is { Gone.IsCompleted: false } && !entry.Ended.IsCompleted;
            var action = SwapResumption.Decide(pending, journal, alive);
            _log.LogInformation("container {Id}: swap {Swap} was under way: {Action}", entry.Id, pending.RequestId, action);
            if (action == SwapResume.Follow)
            {
                // Known to the shim, which reads no more of it.
                await FollowAsync(entry, flight, pending, new ShimRequest { RequestId = pending.RequestId }).ConfigureAwait(false);
            }
            else if (action == SwapResume.Undo)
            {
                const string Never = "it never reached its shim";
                await _settlement.SettleAsync(entry, pending, new SwapEnd(SwapOutcome.Undone, pending.Old.Number, Never)).ConfigureAwait(false);
                // Nothing has happened by that request: asked again, it begins.
                flight.Refuse(new RuntimeFault(FaultCode.Unavailable, $"failed to swap container '{entry.Id}': {Never}, because the daemon ended; ask again"));
            }
            else
            {
                await SettleAsync(entry, flight, pending, SwapEnd.Of(journal, entry.Record.Generation)).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            if (!parts.Stopping.IsCancellationRequested) _log.LogError(e, "container {Id}: swap {Swap} could not be settled; the next start tries again", entry.Id, pending.RequestId);
        }

        if (!flight.IsOver) flight.End();
    }

    /// <summary>Null: a dry run; nothing is left of it.</summary>
    private async Task<(PendingSwap Pending, ShimRequest Request)?> PrepareAsync(ContainerEntry entry, SwapFlight flight, SwapTerms terms, Patch? patch)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(parts.Stopping, flight.Cancellation);
        var (pending, image) = _preparation.Plan(entry, terms, patch);
        var rollback = new Rollback((step, e) => _log.LogError(e, "container {Id}: undo of a swap: {Step} failed", entry.Id, step));
        await using (rollback.ConfigureAwait(false))
        {
            rollback.Push("forget the swap", async t => await _settlement.RecordAsync(entry, r => r with { Swap = null }, t).ConfigureAwait(false));
            await _settlement.RecordAsync(entry, r => Begun(r, pending), either.Token).ConfigureAwait(false);
            var request = await _preparation.MakeAsync(entry, (pending, image, terms), rollback, either.Token).ConfigureAwait(false);
            if (flight.IsDryRun) return null;
            either.Token.ThrowIfCancellationRequested();
            rollback.Commit();
            return (pending, request);
        }
    }

    private static ContainerRecord Begun(ContainerRecord record, PendingSwap pending) => record.Phase == ContainerPhase.Running
        ? record with { Swap = pending }
        : throw RuntimeFault.FailedPrecondition($"failed to swap container '{record.Id}': it is {ContainerEntry.Describe(record.Phase)}, not running");

    private async Task FollowAsync(ContainerEntry entry, SwapFlight flight, PendingSwap pending, ShimRequest request)
    {
        var news = Channel.CreateUnbounded<ShimEvent>(new UnboundedChannelOptions { SingleReader = true });
        var asking = Task.Run(() => AskAsync(entry, request, news.Writer), CancellationToken.None);
        await foreach (var happened in news.Reader.ReadAllAsync(parts.Stopping).ConfigureAwait(false))
        {
            flight.HasBegun = true;
            if (happened.Phase == SwapPhase.Commit) await _settlement.CommitAsync(entry, pending, happened).ConfigureAwait(false);
            // PREPARE was told when this daemon began it, DONE is told when it is settled.
            if (happened.Phase is SwapPhase.Done || (happened.Phase == SwapPhase.Prepare && flight.Last is not null)) continue;
            flight.Tell(SwapMessages.ToOperator(pending, happened));
        }

        SwapEnd end;
        try
        {
            end = await asking.ConfigureAwait(false) is { } result ? SwapEnd.Of(result) : await LostAsync(entry).ConfigureAwait(false);
        }
        catch (ShimFault e)
        {
            await _settlement.SettleAsync(entry, pending, new SwapEnd(SwapOutcome.Undone, entry.Record.Generation, e.Message)).ConfigureAwait(false);
            throw new RuntimeFault(e.Code, $"failed to swap container '{entry.Id}': {e.Message}", e);
        }

        await SettleAsync(entry, flight, pending, end).ConfigureAwait(false);
    }

    /// <summary>The container has ended with its shim, and swap.json tells as which generation.</summary>
    private async Task<SwapEnd> LostAsync(ContainerEntry entry)
    {
        await entry.Ended.WaitAsync(parts.Stopping).ConfigureAwait(false);
        return SwapEnd.Of(SwapFile.TryRead(parts.Files.Paths.SwapRecord(entry.Id)), entry.Record.Generation) with
        {
            Outcome = SwapOutcome.Ended,
            Cause = "the container's shim died",
        };
    }

    private async Task SettleAsync(ContainerEntry entry, SwapFlight flight, PendingSwap pending, SwapEnd end)
    {
        await _settlement.SettleAsync(entry, pending, end).ConfigureAwait(false);
        entry.SwapRates.Report(end.Outcome == SwapOutcome.Swapped);
        _log.LogInformation("container {Id}: swap {Swap}: {Outcome}, generation {Generation}{Cause}", entry.Id, flight.RequestId, end.Outcome, end.Generation,
            end.Cause.Length > 0 ? $": {end.Cause}" : "");
        flight.Tell(new SwapEvent
        {
            RequestId = pending.RequestId,
            Phase = Phase.Done,
            AtNanos = UnixTime.NowNanos(),
            Generation = end.Generation,
            NewGeneration = pending.Target.Number,
            Outcome = (Outcome)end.Outcome,
            Cause = end.Cause,
        });
    }

    /// <summary>Null: the shim has died. Each event once, however often the connection is made again.</summary>
    private async Task<SwapResult?> AskAsync(ContainerEntry entry, ShimRequest request, ChannelWriter<ShimEvent> news)
    {
        var told = 0;
        try
        {
            while (entry.Shim is { Gone.IsCompleted: false } shim)
            {
                var heard = 0;
                try
                {
                    return await shim.SwapAsync(request, Hear, parts.Stopping).ConfigureAwait(false);
                }
                catch (ShimFault e) when (e.Code == FaultCode.Unavailable)
                {
                    _log.LogDebug("container {Id}: following swap {Swap}: {Cause}", entry.Id, request.RequestId, e.Message);
                }

                await Task.WhenAny(shim.Gone, Task.Delay(AskAgain, parts.Stopping)).ConfigureAwait(false);
                parts.Stopping.ThrowIfCancellationRequested();

                void Hear(ShimEvent happened)
                {
                    if (heard++ < told) return;
                    told++;
                    news.TryWrite(happened);
                }
            }

            return null;
        }
        finally
        {
            news.TryComplete();
        }
    }

    private static void Tell(SwapFlight flight, Phase phase, uint generation, Outcome outcome = Outcome.Unspecified) => flight.Tell(new SwapEvent
    {
        RequestId = flight.RequestId, Phase = phase, AtNanos = UnixTime.NowNanos(), Generation = generation, Outcome = outcome,
    });

    /// <summary>What decides a bundle speaks of creating a container.</summary>
    private static string Rephrased(string message, string id)
    {
        foreach (var beginning in (ReadOnlySpan<string>)["failed to create container: ", "failed to swap container: "])
        {
            if (message.StartsWith(beginning, StringComparison.Ordinal)) return $"failed to swap container '{id}': {message[beginning.Length..]}";
        }

        return message;
    }
}
