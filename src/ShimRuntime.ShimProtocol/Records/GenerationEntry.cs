using System.Text.Json;

namespace ShimRuntime.ShimProtocol;

/// <summary>One generation of a container in <see cref="SwapRecord.History"/>. Times are Unix nanoseconds, 0: not yet.</summary>
public sealed record GenerationEntry
{
    public required uint Number { get; init; }

    public required string ImageId { get; init; }

    /// <summary>Why it was made: create, "swap ID", "revert of swap ID".</summary>
    public required string Cause { get; init; }

    public long StartedAtNanos { get; init; }

    public long FinishedAtNanos { get; init; }

    /// <summary>0–255; 128 + signal. Of one that has finished.</summary>
    public int Code { get; init; }

    /// <summary>As in <see cref="ExitRecord.Reason"/>.</summary>
    public string Reason { get; init; } = "";

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("number", Number);
        json.WriteString("imageId", ImageId);
        json.WriteString("cause", Cause);
        json.WriteNumber("startedAtNanos", StartedAtNanos);
        json.WriteNumber("finishedAtNanos", FinishedAtNanos);
        json.WriteNumber("code", Code);
        json.WriteString("reason", Reason);
        json.WriteEndObject();
    }

    internal static GenerationEntry Read(JsonElement from) => new()
    {
        Number = from.GetProperty("number").GetUInt32(),
        ImageId = from.GetProperty("imageId").GetString()!,
        Cause = from.GetProperty("cause").GetString()!,
        StartedAtNanos = from.GetProperty("startedAtNanos").GetInt64(),
        FinishedAtNanos = from.GetProperty("finishedAtNanos").GetInt64(),
        Code = from.GetProperty("code").GetInt32(),
        Reason = from.GetProperty("reason").GetString()!,
    };
}
