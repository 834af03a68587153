using System.Buffers;
using System.Text.Json;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.ShimProtocol;

/// <summary>
/// How a container ended: the file <c>&lt;durable directory&gt;/exit.json</c>, written by its shim alone, durable before anyone is told.
/// One JSON object: schema (1), containerId, generation, code (0–255; 128 + signal), signal (0: none), reason (Completed, Error,
/// OOMKilled, StartError), message, startedAtNanos and finishedAtNanos (Unix time), oom {level, cgroup, kills}, memory {usageBytes,
/// peakBytes, limitBytes: a number or null}, logDroppedBytes. Readers ignore members that they don't know.
/// </summary>
public sealed record ExitRecord
{
    public const string FileName = "exit.json";
    private const int Schema = 1;

    public required string ContainerId { get; init; }

    public required uint Generation { get; init; }

    public required int Code { get; init; }

    public required int Signal { get; init; }

    public required string Reason { get; init; }

    public string Message { get; init; } = "";

    public required long StartedAtNanos { get; init; }

    public required long FinishedAtNanos { get; init; }

    public OomVerdict Oom { get; init; } = new(OomLevel.None, "", 0);

    public MemorySnapshot Memory { get; init; }

    /// <summary>Container output that found no room on disk.</summary>
    public ulong LogDroppedBytes { get; init; }

    public ExitStatus ToStatus() => new()
    {
        Code = Code,
        Signal = Signal,
        Reason = Reason,
        Message = Message,
        StartedAtNanos = StartedAtNanos,
        FinishedAtNanos = FinishedAtNanos,
        Generation = Generation,
    };

    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteNumber("schema", Schema);
        json.WriteString("containerId", ContainerId);
        json.WriteNumber("generation", Generation);
        json.WriteNumber("code", Code);
        json.WriteNumber("signal", Signal);
        json.WriteString("reason", Reason);
        json.WriteString("message", Message);
        json.WriteNumber("startedAtNanos", StartedAtNanos);
        json.WriteNumber("finishedAtNanos", FinishedAtNanos);
        json.WriteStartObject("oom");
        json.WriteString("level", NameOf(Oom.Level));
        json.WriteString("cgroup", Oom.Cgroup);
        json.WriteNumber("kills", Oom.Kills);
        json.WriteEndObject();
        json.WriteStartObject("memory");
        WriteOptional(json, "usageBytes", Memory.UsageBytes);
        WriteOptional(json, "peakBytes", Memory.PeakBytes);
        WriteOptional(json, "limitBytes", Memory.LimitBytes);
        json.WriteEndObject();
        json.WriteNumber("logDroppedBytes", LogDroppedBytes);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="JsonException">Not such a record: torn, foreign, or of a later schema.</exception>
    public static ExitRecord Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Read(document.RootElement);
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or InvalidDataException)
        {
            throw new JsonException($"not an exit record: {e.Message}", e);
        }
    }

    private static ExitRecord Read(JsonElement root)
    {
        var schema = root.GetProperty("schema").GetInt32();
        if (schema != Schema) throw new JsonException($"exit record of schema {schema}, known is {Schema}");
        var (oom, memory) = (root.GetProperty("oom"), root.GetProperty("memory"));
        return new ExitRecord
        {
            ContainerId = root.GetProperty("containerId").GetString()!,
            Generation = root.GetProperty("generation").GetUInt32(),
            Code = root.GetProperty("code").GetInt32(),
            Signal = root.GetProperty("signal").GetInt32(),
            Reason = root.GetProperty("reason").GetString()!,
            Message = root.GetProperty("message").GetString()!,
            StartedAtNanos = root.GetProperty("startedAtNanos").GetInt64(),
            FinishedAtNanos = root.GetProperty("finishedAtNanos").GetInt64(),
            Oom = new OomVerdict(LevelOf(oom.GetProperty("level").GetString()), oom.GetProperty("cgroup").GetString()!,
                oom.GetProperty("kills").GetUInt64()),
            Memory = new MemorySnapshot(
                ReadOptional(memory, "usageBytes"), ReadOptional(memory, "peakBytes"), ReadOptional(memory, "limitBytes")),
            LogDroppedBytes = root.GetProperty("logDroppedBytes").GetUInt64(),
        };
    }

    private static void WriteOptional(Utf8JsonWriter json, string name, ulong? value)
    {
        if (value is { } number) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }

    private static ulong? ReadOptional(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetUInt64() : null;

    private static string NameOf(OomLevel level) => level switch
    {
        OomLevel.None => "none",
        OomLevel.Container => "container",
        OomLevel.Pod => "pod",
        OomLevel.Ancestor => "ancestor",
        OomLevel.Machine => "machine",
        _ => "unknown",
    };

    private static OomLevel LevelOf(string? name) => name switch
    {
        "none" => OomLevel.None,
        "container" => OomLevel.Container,
        "pod" => OomLevel.Pod,
        "ancestor" => OomLevel.Ancestor,
        "machine" => OomLevel.Machine,
        _ => OomLevel.Unknown,
    };
}
