using System.Buffers;
using System.Globalization;
using System.Text.Json;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// The JSON files of a checkpoint archive, with the members that checkpointctl, podman, CRI-O and containerd look for
/// (checkpointctl's lib/metadata).
/// </summary>
internal static class CheckpointDocuments
{
    public const string ConfigDump = "config.dump";
    public const string SpecDump = "spec.dump";
    public const string StatusDump = "status.dump";
    public const string DeletedFiles = "deleted.files";
    private const long NanosPerTick = 100;

    /// <summary>Which container, of which image, and when.</summary>
    /// <param name="image">Name or digest reference, as a registry knows it; the id when it has neither.</param>
    public static byte[] Config(ContainerEntry entry, string image, string runtime) => Write(json =>
    {
        json.WriteString("id", entry.Id);
        json.WriteString("name", entry.Config.Metadata.Name);
        json.WriteString("rootfsImage", entry.Record.ImageId);
        json.WriteString("rootfsImageRef", entry.Record.ImageId);
        json.WriteString("rootfsImageName", image);
        json.WriteString("runtime", runtime);
        json.WriteString("createdTime", Time(entry.Record.CreatedAtNanos));
        json.WriteString("checkpointedTime", Time(UnixTime.NowNanos()));
        json.WriteString("restoredTime", "0001-01-01T00:00:00Z"); // Go's zero time
        json.WriteBoolean("restored", false);
    });

    /// <summary>As containerd writes it.</summary>
    public static byte[] Status(ContainerRecord record) => Write(json =>
    {
        json.WriteNumber("CreatedAt", record.CreatedAtNanos);
        json.WriteNumber("StartedAt", record.StartedAtNanos);
        json.WriteNumber("FinishedAt", 0);
        json.WriteNumber("ExitCode", 0);
        json.WriteNumber("Pid", record.Pid);
        json.WriteString("Reason", "");
        json.WriteString("Message", "");
    });

    public static byte[] Deleted(IReadOnlyList<string> paths) => Json(json => Strings(json, paths));

    public static void Strings(Utf8JsonWriter json, IEnumerable<string> values)
    {
        json.WriteStartArray();
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }

    /// <summary>A document that is one object.</summary>
    public static byte[] Write(Action<Utf8JsonWriter> members) => Json(json =>
    {
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
    });

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) write(json);
        return buffer.WrittenSpan.ToArray();
    }

    private static string Time(long nanos) =>
        new DateTime(DateTime.UnixEpoch.Ticks + (nanos / NanosPerTick), DateTimeKind.Utc).ToString("O", CultureInfo.InvariantCulture);
}
