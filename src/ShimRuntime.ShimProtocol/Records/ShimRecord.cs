using System.Buffers;
using System.Text.Json;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.ShimProtocol;

/// <summary>
/// What a shim last said of itself: the file <c>&lt;run directory&gt;/shim.json</c>, written whole by the shim alone at every change of
/// state, for a daemon that finds the shim silent or dead. One JSON object: schema (1), containerId, generation, state (the name in
/// shim.proto), shimPid and shimStartTicks, pid and pidStartTicks of the init (0: none), startedAtNanos. Times as in proc_pid_stat(5)
/// field 22 and Unix nanoseconds.
/// </summary>
public sealed record ShimRecord
{
    public const string FileName = "shim.json";
    private const int Schema = 1;

    public required string ContainerId { get; init; }

    public required uint Generation { get; init; }

    public required ShimState State { get; init; }

    public required int ShimPid { get; init; }

    public required ulong ShimStartTicks { get; init; }

    public int Pid { get; init; }

    public ulong PidStartTicks { get; init; }

    public long StartedAtNanos { get; init; }

    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(384);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteNumber("schema", Schema);
        json.WriteString("containerId", ContainerId);
        json.WriteNumber("generation", Generation);
        json.WriteString("state", NameOf(State));
        json.WriteNumber("shimPid", ShimPid);
        json.WriteNumber("shimStartTicks", ShimStartTicks);
        json.WriteNumber("pid", Pid);
        json.WriteNumber("pidStartTicks", PidStartTicks);
        json.WriteNumber("startedAtNanos", StartedAtNanos);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="JsonException">Not such a record: torn, foreign, or of a later schema.</exception>
    public static ShimRecord Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var schema = root.GetProperty("schema").GetInt32();
            if (schema != Schema) throw new JsonException($"shim record of schema {schema}, known is {Schema}");
            return new ShimRecord
            {
                ContainerId = root.GetProperty("containerId").GetString()!,
                Generation = root.GetProperty("generation").GetUInt32(),
                State = StateOf(root.GetProperty("state").GetString()),
                ShimPid = root.GetProperty("shimPid").GetInt32(),
                ShimStartTicks = root.GetProperty("shimStartTicks").GetUInt64(),
                Pid = root.GetProperty("pid").GetInt32(),
                PidStartTicks = root.GetProperty("pidStartTicks").GetUInt64(),
                StartedAtNanos = root.GetProperty("startedAtNanos").GetInt64(),
            };
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new JsonException($"not a shim record: {e.Message}", e);
        }
    }

    private static string NameOf(ShimState state) => state switch
    {
        ShimState.Created => "CREATED",
        ShimState.Starting => "STARTING",
        ShimState.Running => "RUNNING",
        ShimState.Stopping => "STOPPING",
        ShimState.Exited => "EXITED",
        _ => "SHIM_STATE_UNSPECIFIED",
    };

    private static ShimState StateOf(string? name) => name switch
    {
        "CREATED" => ShimState.Created,
        "STARTING" => ShimState.Starting,
        "RUNNING" => ShimState.Running,
        "STOPPING" => ShimState.Stopping,
        "EXITED" => ShimState.Exited,
        _ => throw new JsonException($"unknown shim state '{name}'"),
    };
}
