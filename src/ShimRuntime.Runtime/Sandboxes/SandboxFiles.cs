using System.Text.Json;
using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Networking;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>The durable files of sandboxes; all 0600 in directories of 0700.</summary>
internal sealed class SandboxFiles(SandboxPaths paths)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public SandboxPaths Paths { get; } = paths;

    public static string BootId { get; } = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    public void MakeRoots()
    {
        Directory.CreateDirectory(Paths.AllDurable, OwnerOnly);
        Directory.CreateDirectory(Paths.AllVolatile, OwnerOnly);
    }

    /// <summary>Request and network first: a record without them would be of no use to recovery.</summary>
    public void Create(SandboxRecord record, RunPodSandboxRequest request, CniAttachment? network)
    {
        Directory.CreateDirectory(Paths.Durable(record.Id), OwnerOnly);
        DurableFile.Write(Paths.Request(record.Id), request.ToByteArray());
        if (network is not null) DurableFile.Write(Paths.Network(record.Id), Bytes(network));
        Write(record);
        DurableFile.SyncDirectory(Paths.AllDurable);
    }

    public void Write(SandboxRecord record) =>
        DurableFile.Write(Paths.Record(record.Id), JsonSerializer.SerializeToUtf8Bytes(record, SandboxRecordJson.Default.SandboxRecord));

    /// <summary>The result of ADD. Without fsync: after a power loss the attachment is undone from what was written before ADD.</summary>
    public void WriteResult(string id, CniAttachment network) => DurableFile.WriteVolatile(Paths.Network(id), Bytes(network));

    /// <summary>DEL has worked: nothing is attached any more.</summary>
    public void ForgetNetwork(string id) => File.Delete(Paths.Network(id));

    /// <summary>Null: never attached, or released. A file that does not parse throws what parsing throws.</summary>
    public CniAttachment? ReadNetwork(string id) => File.Exists(Paths.Network(id))
        ? JsonSerializer.Deserialize(File.ReadAllBytes(Paths.Network(id)), CniAttachmentJson.Default.CniAttachment)
        : null;

    /// <summary>Throws what reading or parsing throws.</summary>
    public SandboxRecord ReadRecord(string id)
    {
        var record = JsonSerializer.Deserialize(File.ReadAllBytes(Paths.Record(id)), SandboxRecordJson.Default.SandboxRecord);
        if (record is null || record.Id != id) throw new InvalidDataException($"{Paths.Record(id)}: not the record of this directory's sandbox");
        if (record.Schema > SandboxRecord.CurrentSchema) throw new InvalidDataException($"{Paths.Record(id)}: schema {record.Schema} is newer than this daemon");
        return record;
    }

    /// <summary>Throws what reading or parsing throws, and for a request without a pod's metadata.</summary>
    public RunPodSandboxRequest ReadRequest(string id)
    {
        var request = RunPodSandboxRequest.Parser.ParseFrom(File.ReadAllBytes(Paths.Request(id)));
        return request.Config?.Metadata is null ? throw new InvalidDataException($"{Paths.Request(id)}: it has no pod metadata") : request;
    }

    /// <summary>Ids of all directories that look like a sandbox's.</summary>
    public IReadOnlyList<string> Ids() =>
        [.. Directory.EnumerateDirectories(Paths.AllDurable).Select(d => Path.GetFileName(d)).Where(SandboxId.IsValid)];

    /// <summary>Deletes all; the record goes last, so that a removal that was cut short is found again. Idempotent.</summary>
    public void Delete(string id)
    {
        var directory = Paths.Durable(id);
        if (!Directory.Exists(directory)) return;
        foreach (var file in Directory.EnumerateFiles(directory).Where(f => f != Paths.Record(id))) File.Delete(file);
        Directory.Delete(directory, true);
        DurableFile.SyncDirectory(Paths.AllDurable);
    }

    /// <summary>Moves a file or directory of a sandbox out of the way and says where to.</summary>
    public string MoveAside(string id, string path)
    {
        Directory.CreateDirectory(Paths.Aside, OwnerOnly);
        var target = Path.Combine(Paths.Aside, $"sandbox-{id}-{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}");
        if (Directory.Exists(path)) Directory.Move(path, target);
        else File.Move(path, target);
        DurableFile.SyncDirectory(Path.GetDirectoryName(path)!);
        return target;
    }

    private static byte[] Bytes(CniAttachment network) => JsonSerializer.SerializeToUtf8Bytes(network, CniAttachmentJson.Default.CniAttachment);
}
