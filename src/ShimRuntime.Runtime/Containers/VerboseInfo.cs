using System.Buffers;
using System.Text;
using System.Text.Json;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// What ContainerStatus adds when verbose: one key, "info", with JSON whose members node tools read from containerd (sandboxID, pid,
/// removing, snapshotKey, snapshotter, runtimeType, runtimeOptions, config, runtimeSpec), and our own (generation, shimPid, sessions, phase, hotSwap, generations).
/// </summary>
internal sealed class VerboseInfo(ContainerParts parts)
{
    private const string Snapshotter = "overlayfs";
    private const string RuntimeType = "shimruntime.runc.v1";
    private readonly SwapStatusViews _swaps = new(parts.Files.Paths);

    public string Of(ContainerEntry entry)
    {
        var record = entry.Record;
        var buffer = new ArrayBufferWriter<byte>(16 << 10);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("sandboxID", record.SandboxId);
            json.WriteNumber("pid", record.Pid);
            json.WriteBoolean("removing", record.Phase == ContainerPhase.Removing);
            json.WriteString("snapshotKey", record.SnapshotKey);
            json.WriteString("snapshotter", Snapshotter);
            json.WriteString("runtimeType", RuntimeType);
            WriteOptions(json, record);
            json.WritePropertyName("config");
            CriJson.Write(json, entry.Config);
            WriteSpec(json, record);
            json.WriteNumber("generation", record.Generation);
            json.WriteNumber("shimPid", entry.Shim?.Process.Pid ?? 0);
            json.WriteNumber("sessions", parts.SessionsOf(entry.Id));
            json.WriteString("phase", record.Phase.ToString());
            _swaps.Write(json, entry);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private void WriteOptions(Utf8JsonWriter json, ContainerRecord record)
    {
        json.WriteStartObject("runtimeOptions");
        json.WriteString("BinaryName", parts.Handlers.PathOf(parts.Sandboxes.Find(record.SandboxId)?.RuntimeHandler ?? ""));
        json.WriteString("Root", parts.Files.Paths.RuncRoot);
        json.WriteBoolean("SystemdCgroup", parts.Options.CgroupDriver == "systemd");
        json.WriteEndObject();
    }

    /// <summary>null after a reboot: config.json is volatile.</summary>
    private void WriteSpec(Utf8JsonWriter json, ContainerRecord record)
    {
        json.WritePropertyName("runtimeSpec");
        try
        {
            json.WriteRawValue(File.ReadAllBytes(Path.Combine(parts.Files.Paths.Bundle(record.Id, record.Generation), "config.json")));
        }
        catch (IOException)
        {
            json.WriteNullValue();
        }
    }
}
