using System.Text.Json;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.ShimProtocol;

/// <summary>One swap in <see cref="SwapRecord"/>: under way, or the last one.</summary>
public sealed record SwapEntry
{
    public required string RequestId { get; init; }

    public required SwapLevel Level { get; init; }

    /// <summary>The last one that was entered.</summary>
    public required SwapPhase Phase { get; init; }

    /// <summary>Unspecified until <see cref="SwapPhase.Done"/>.</summary>
    public SwapOutcome Outcome { get; init; }

    /// <summary>Of UNDO, REVERT and an outcome: why.</summary>
    public string Cause { get; init; } = "";

    public required uint Old { get; init; }

    public required uint Target { get; init; }

    public required string OldImageId { get; init; }

    public required string TargetImageId { get; init; }

    /// <summary>When each phase was entered, Unix nanoseconds.</summary>
    public IReadOnlyList<(SwapPhase Phase, long AtNanos)> Timeline { get; init; } = [];

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("swap");
        json.WriteString("requestId", RequestId);
        json.WriteNumber("level", (int)Level);
        json.WriteNumber("phase", (int)Phase);
        json.WriteNumber("outcome", (int)Outcome);
        json.WriteString("cause", Cause);
        json.WriteNumber("old", Old);
        json.WriteNumber("target", Target);
        json.WriteString("oldImageId", OldImageId);
        json.WriteString("targetImageId", TargetImageId);
        json.WriteStartArray("timeline");
        foreach (var (phase, at) in Timeline)
        {
            json.WriteStartObject();
            json.WriteNumber("phase", (int)phase);
            json.WriteNumber("atNanos", at);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    internal static SwapEntry Read(JsonElement from)
    {
        List<(SwapPhase, long)> timeline = [];
        foreach (var step in from.GetProperty("timeline").EnumerateArray())
            timeline.Add(((SwapPhase)step.GetProperty("phase").GetInt32(), step.GetProperty("atNanos").GetInt64()));
        return new SwapEntry
        {
            RequestId = from.GetProperty("requestId").GetString()!,
            Level = (SwapLevel)from.GetProperty("level").GetInt32(),
            Phase = (SwapPhase)from.GetProperty("phase").GetInt32(),
            Outcome = (SwapOutcome)from.GetProperty("outcome").GetInt32(),
            Cause = from.GetProperty("cause").GetString()!,
            Old = from.GetProperty("old").GetUInt32(),
            Target = from.GetProperty("target").GetUInt32(),
            OldImageId = from.GetProperty("oldImageId").GetString()!,
            TargetImageId = from.GetProperty("targetImageId").GetString()!,
            Timeline = timeline,
        };
    }
}
