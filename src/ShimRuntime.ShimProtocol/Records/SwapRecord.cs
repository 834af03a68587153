using System.Buffers;
using System.Text.Json;

namespace ShimRuntime.ShimProtocol;

/// <summary>
/// The file <c>&lt;run directory&gt;/swap.json</c>: the generations of a container that was swapped, and its last swap. Written by its shim
/// alone, whole, before each phase acts; there is none before the first swap. One JSON object: schema (1), containerId, current (its
/// generation), swap (requestId, level, phase and outcome as numbers of shim.proto, cause, old, target, oldImageId, targetImageId, timeline), history,
/// endedLeaves.
/// </summary>
public sealed record SwapRecord
{
    public const string FileName = "swap.json";
    private const int Schema = 1;

    public required string ContainerId { get; init; }

    /// <summary>Its exit is the container's.</summary>
    public required uint Current { get; init; }

    public required SwapEntry Swap { get; init; }

    /// <summary>Oldest first.</summary>
    public required IReadOnlyList<GenerationEntry> History { get; init; }

    /// <summary>Of all generations that have ended, those too that <see cref="History"/> has forgotten.</summary>
    public LeafCounters EndedLeaves { get; init; }

    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteNumber("schema", Schema);
        json.WriteString("containerId", ContainerId);
        json.WriteNumber("current", Current);
        Swap.Write(json);
        json.WriteStartArray("history");
        foreach (var generation in History) generation.Write(json);
        json.WriteEndArray();
        EndedLeaves.Write(json);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="JsonException">Not such a record: torn, foreign, or of a later schema.</exception>
    public static SwapRecord Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var schema = root.GetProperty("schema").GetInt32();
            if (schema != Schema) throw new JsonException($"swap record of schema {schema}, known is {Schema}");
            List<GenerationEntry> history = [];
            foreach (var generation in root.GetProperty("history").EnumerateArray()) history.Add(GenerationEntry.Read(generation));
            return new SwapRecord
            {
                ContainerId = root.GetProperty("containerId").GetString()!,
                Current = root.GetProperty("current").GetUInt32(),
                Swap = SwapEntry.Read(root.GetProperty("swap")),
                History = history,
                EndedLeaves = LeafCounters.Read(root.GetProperty("endedLeaves")),
            };
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new JsonException($"not a swap record: {e.Message}", e);
        }
    }
}
