using System.Text.Json;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Swap;

/// <summary>Swaps and generations of a container for its operator, from memory and swap.json: no shim is asked.</summary>
internal sealed class SwapStatusViews(ContainerPaths paths)
{
    public GetStatusResponse Status(ContainerEntry entry)
    {
        var (record, journal) = (entry.Record, SwapFile.TryRead(paths.SwapRecord(entry.Id)));
        var response = new GetStatusResponse { Generation = record.Generation, Swap = SwapOf(entry, journal) };
        response.TriggerCause = record.Trigger?.Cause ?? "";
        if (record.SwapOptIn is not { } optIn) return response;
        response.Annotations.AddRange(optIn.Settings.Select(s => $"{s.Key}={s.Value}"));
        response.IgnoredAnnotations.AddRange(optIn.Ignored.Select(i => $"{i.Key}: {i.Value}"));
        return response;
    }

    public ListGenerationsResponse Generations(ContainerEntry entry)
    {
        var record = entry.Record;
        var response = new ListGenerationsResponse();
        if (SwapFile.TryRead(paths.SwapRecord(entry.Id)) is { } journal) response.Generations.AddRange(journal.History.Select(g => Message(g, record.Generation)));
        else response.Generations.Add(Only(record));
        return response;
    }

    /// <summary>For verbose status: swap and generations, as in the operator's messages.</summary>
    public void Write(Utf8JsonWriter json, ContainerEntry entry)
    {
        json.WritePropertyName("hotSwap");
        CriJson.Write(json, Status(entry));
        json.WriteStartArray("generations");
        foreach (var generation in Generations(entry).Generations) CriJson.Write(json, generation);
        json.WriteEndArray();
    }

    private static SwapStatus? SwapOf(ContainerEntry entry, SwapRecord? journal)
    {
        var flight = entry.Swapping is { IsDryRun: false, Refusal: null } flown ? flown : null;
        if (journal is null || (flight is { IsOver: false } && flight.RequestId != journal.Swap.RequestId))
            return flight is null ? null : new SwapStatus { RequestId = flight.RequestId, Phase = flight.Last?.Phase ?? Phase.Prepare };
        var swap = journal.Swap;
        var told = new SwapStatus
        {
            RequestId = swap.RequestId,
            Level = (Level)swap.Level,
            Phase = (Phase)swap.Phase,
            Outcome = (Outcome)swap.Outcome,
            Cause = swap.Cause,
            OldGeneration = swap.Old,
            NewGeneration = swap.Target,
            OldImageId = swap.OldImageId,
            NewImageId = swap.TargetImageId,
            Timeline = { swap.Timeline.Select(t => new PhaseTime { Phase = (Phase)t.Phase, AtNanos = t.AtNanos }) },
            RollbackPossible = swap.Phase == SwapPhase.Probation || (swap.Phase == SwapPhase.Drain && swap.Level is SwapLevel.SwapL2 or SwapLevel.SwapL3),
        };
        if (swap.Phase != SwapPhase.Done && entry.Record.Swap is null) CutOff(told, flight?.RequestId == swap.RequestId ? flight.Last : null);
        return told;
    }

    /// <summary>A swap that is settled and whose shim has not journaled its end: it died, or had no room to.</summary>
    private static void CutOff(SwapStatus told, Cri.HotSwap.V1.SwapEvent? last)
    {
        (told.Phase, told.RollbackPossible) = (Phase.Done, false);
        (told.Outcome, told.Cause) = last is { Phase: Phase.Done } ? (last.Outcome, last.Cause) : (Outcome.Ended, "");
    }

    private static Generation Message(GenerationEntry generation, uint current) => new()
    {
        Number = generation.Number,
        Current = generation.Number == current,
        ImageId = generation.ImageId,
        Cause = generation.Cause,
        StartedAtNanos = generation.StartedAtNanos,
        FinishedAtNanos = generation.FinishedAtNanos,
        ExitCode = generation.Code,
        Reason = generation.Reason,
    };

    /// <summary>Of a container that was never swapped in this boot.</summary>
    private static Generation Only(ContainerRecord record) => new()
    {
        Number = record.Generation,
        Current = true,
        ImageId = record.ImageId,
        Cause = "create",
        StartedAtNanos = record.StartedAtNanos,
        FinishedAtNanos = record.Exit?.FinishedAtNanos ?? 0,
        ExitCode = record.Exit?.Code ?? 0,
        Reason = record.Exit?.Reason ?? "",
    };
}
