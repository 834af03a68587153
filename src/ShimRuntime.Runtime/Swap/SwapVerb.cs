using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using SwapRequest = ShimRuntime.Cri.HotSwap.V1.SwapRequest;

namespace ShimRuntime.Runtime.Swap;

/// <summary>Swap, Rollback, Abort: the gate decides, a <see cref="SwapPilot"/> flies. Every one leaves an audit line.</summary>
internal sealed class SwapVerb(ContainerParts parts, SwapPilot pilot)
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(50);
    private readonly ILogger _log = parts.Logs.CreateLogger<SwapVerb>();

    /// <summary>Begins a swap, or finds the one that has this request id.</summary>
    public async Task<SwapFlight> BeginAsync(SwapRequest request, SwapCaller caller, CancellationToken client)
    {
        var entry = parts.Store.Get(request.ContainerId, "swap");
        var terms = SwapTerms.Of(request, entry.Record.SwapOptIn);
        await using var pass = (await entry.Gate.EnterAsync(client).ConfigureAwait(false)).ConfigureAwait(false);
        if (request.RequestId.Length > 0 && Known(entry, request.RequestId) is { } known) return known;
        Allow(entry, request.ExpectedGeneration);
        var sandbox = parts.Sandboxes.Find(entry.Record.SandboxId);
        if (!request.DryRun) entry.SwapRates.Take(parts.Handlers.HotSwapOf(sandbox?.RuntimeHandler ?? "").SwapsPerMinute);
        var flight = entry.Swapping = new SwapFlight(terms.RequestId) { IsDryRun = request.DryRun };
        var patch = request.Patch?.Clone();
        flight.Completion = Task.Run(() => pilot.FlyAsync(entry, flight, terms, patch), CancellationToken.None);
        Audit(entry, caller, $"swap {terms.RequestId}{(request.DryRun ? " (dry run)" : "")}, level {terms.Level}{Describe(patch)}");
        return flight;
    }

    /// <summary>Returns the generation that serves then.</summary>
    public async Task<uint> EndAsync(string containerId, SwapEnding how, SwapCaller caller, CancellationToken client)
    {
        var verb = how.IsRollback ? "roll back" : "abort";
        var entry = parts.Store.Get(containerId, $"{verb} the swap of");
        if (how.Expected != 0 && how.Expected != entry.Record.Generation) throw Other(entry, how.Expected);
        if (entry.Swapping is not { IsOver: false } flight || entry.Shim is not { } shim)
            throw RuntimeFault.FailedPrecondition($"failed to {verb} the swap of container '{entry.Id}': none is under way");
        if (how.RequestId.Length > 0 && how.RequestId != flight.RequestId)
        {
            throw RuntimeFault.FailedPrecondition(
                $"failed to {verb} the swap of container '{entry.Id}': the one under way is '{flight.RequestId}', not '{how.RequestId}'");
        }

        Audit(entry, caller, $"{verb} {flight.RequestId}");
        flight.Cancel(); // for one that has not reached the shim yet
        var request = new EndSwapRequest { Rollback = how.IsRollback, RequestId = flight.RequestId };
        while (!flight.IsOver)
        {
            try
            {
                await shim.EndSwapAsync(request, parts.Stopping).WaitAsync(client).ConfigureAwait(false);
                break;
            }
            catch (ShimFault) when (flight.IsOver || !flight.HasBegun)
            {
                // Over by its own word, or about to begin in spite of us.
                await Task.WhenAny(flight.Completion, Task.Delay(AskAgain, client)).ConfigureAwait(false);
                client.ThrowIfCancellationRequested();
            }
            catch (ShimFault e)
            {
                throw new RuntimeFault(e.Code, $"failed to {verb} the swap of container '{entry.Id}': {e.Message}", e);
            }
        }

        await flight.Completion.WaitAsync(client).ConfigureAwait(false);
        if (flight.Last?.Outcome == Outcome.Swapped)
            throw RuntimeFault.FailedPrecondition($"failed to {verb} the swap of container '{entry.Id}': it was over before; swap to what is wanted instead");
        return entry.Record.Generation;
    }

    /// <summary>Null: this one is new. The last swap is known even to a daemon that did not see it.</summary>
    private SwapFlight? Known(ContainerEntry entry, string requestId)
    {
        if (entry.Swapping is { IsDryRun: false, Refusal: null } flight && flight.RequestId == requestId) return flight;
        if (SwapFile.TryRead(parts.Files.Paths.SwapRecord(entry.Id)) is not { Swap.Phase: SwapPhase.Done } journal) return null;
        if (journal.Swap.RequestId != requestId) return null;
        var past = new SwapFlight(requestId);
        foreach (var happened in SwapMessages.ToOperator(journal.Swap, journal.Current)) past.Tell(happened);
        past.End();
        return past;
    }

    private static void Allow(ContainerEntry entry, uint expected)
    {
        var record = entry.Record;
        if (record.Phase != ContainerPhase.Running || entry.Shim is null)
        {
            throw RuntimeFault.FailedPrecondition(
                $"failed to swap container '{entry.Id}': it is {ContainerEntry.Describe(record.Phase)}, not running");
        }

        if (entry.Shim.WhyNot(ShimMethods.Swap) is { } lacking) throw RuntimeFault.FailedPrecondition($"failed to swap container '{entry.Id}': {lacking}");
        if (expected != 0 && expected != record.Generation) throw Other(entry, expected);
        if (entry.Swapping is { IsOver: false } or { Completion.IsCompleted: false } || record.Swap is not null)
        {
            throw RuntimeFault.FailedPrecondition($"failed to swap container '{entry.Id}': swap "
                + $"'{entry.Swapping?.RequestId ?? record.Swap?.RequestId}' is under way; follow it by its request_id, or end it first");
        }
    }

    private static RuntimeFault Other(ContainerEntry entry, uint expected) => new(FaultCode.Aborted,
        $"failed to swap container '{entry.Id}': generation {entry.Record.Generation} is current, not expected_generation {expected}; look again");

    private void Audit(ContainerEntry entry, SwapCaller caller, string what) => _log.LogInformation(
        "audit: container {Id}, generation {Generation}: {Caller} asked for: {What}", entry.Id, entry.Record.Generation, caller, what);

    /// <summary>Names, never values: an environment may hold secrets.</summary>
    private static string Describe(Patch? patch)
    {
        if (patch is null) return "";
        List<string> parts = [];
        if (patch.Image.Length > 0) parts.Add($"image {Bundles.ContainerPath.Show(patch.Image)}");
        if (patch.Command is not null) parts.Add("command");
        if (patch.Args is not null) parts.Add("args");
        if (patch.WorkingDir.Length > 0) parts.Add("working_dir");
        if (patch.Env.Count + patch.UnsetEnv.Count > 0)
            parts.Add($"env {string.Join(' ', patch.Env.Select(e => e.Name).Concat(patch.UnsetEnv).Select(Bundles.ContainerPath.Show))}");
        return parts.Count == 0 ? "" : $", {string.Join(", ", parts)}";
    }
}

/// <summary>How a swap is to be ended.</summary>
/// <param name="RequestId">Of the swap that is meant; empty: any.</param>
/// <param name="Expected">The current generation; 0: any.</param>
internal readonly record struct SwapEnding(bool IsRollback, string RequestId, uint Expected);
