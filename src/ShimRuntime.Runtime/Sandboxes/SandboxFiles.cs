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
        DurableDirectory.Make(Paths.AllDurable, OwnerOnly);
        PassableDirectory.MakeRoot(Paths.AllVolatile);
    }

    /// <summary>
    /// Request and network first: a record without them would be of no use to recovery. Survives this process; a power loss only after
    /// <see cref="SyncNetworkAsync"/> and <see cref="SyncCreationAsync"/>.
    /// </summary>
    public void Create(SandboxRecord record, RunPodSandboxRequest request, CniAttachment? network)
    {
        Directory.CreateDirectory(Paths.Durable(record.Id), OwnerOnly);
        DurableFile.WriteVolatile(Paths.Request(record.Id), request.ToByteArray());
        if (network is not null) DurableFile.WriteVolatile(Paths.Network(record.Id), Bytes(network));
        WriteVolatile(record);
    }

    /// <summary>Makes durable what DEL needs, the names included; on another thread, because disks take milliseconds.</summary>
    public Task SyncNetworkAsync(string id) => Task.Run(() =>
    {
        DurableFile.Sync(Paths.Network(id));
        DurableFile.SyncDirectory(Paths.Durable(id));
        DurableFile.SyncDirectory(Paths.AllDurable);
    });

    /// <summary>Makes durable what the pod was asked to be; on another thread, too.</summary>
    public Task SyncCreationAsync(string id) => Task.Run(() =>
    {
        DurableFile.Sync(Paths.Request(id));
        DurableFile.Sync(Paths.Record(id));
        DurableFile.SyncDirectory(Paths.Durable(id));
        DurableFile.SyncDirectory(Paths.AllDurable);
    });

    public void Write(SandboxRecord record) => DurableFile.Write(Paths.Record(record.Id), Bytes(record));

    /// <summary>For a phase that a power loss ends anyway.</summary>
    public void WriteVolatile(SandboxRecord record) => DurableFile.WriteVolatile(Paths.Record(record.Id), Bytes(record));

    /// <summary>
    /// The attachment with the result of ADD, in a file of its own. Without fsync: after a power loss, which may leave it empty, the
    /// attachment is undone from what was written before ADD.
    /// </summary>
    public void WriteResult(CniAttachment network) => DurableFile.WriteVolatile(Paths.NetworkResult(network.ContainerId), Bytes(network));

    /// <summary>DEL has worked: nothing is attached any more.</summary>
    public void ForgetNetwork(string id)
    {
        File.Delete(Paths.NetworkResult(id));
        File.Delete(Paths.Network(id));
    }

    /// <summary>With its result, if there is one that can be read. Null: never attached, or released. Throws what parsing throws.</summary>
    public CniAttachment? ReadNetwork(string id)
    {
        try
        {
            if (ReadAttachment(Paths.NetworkResult(id)) is { } attached) return attached;
        }
        catch (JsonException)
        {
            // Torn by a power loss: what is attached is known all the same.
        }

        return ReadAttachment(Paths.Network(id));
    }

    /// <summary>
    /// Whether nothing of it was made in this boot of the machine. Then a file that is torn was not synced when the power went, and so nothing
    /// that rests on it had been told to anybody, nor asked of a network.
    /// </summary>
    public bool IsOfAnotherBoot(string id) => !Directory.Exists(Paths.Volatile(id));

    /// <summary>Of one whose request can't be read: whether RunPodSandbox had not answered yet when the power went.</summary>
    public bool IsCutCreation(string id)
    {
        try
        {
            return IsOfAnotherBoot(id) && ReadRecord(id).Phase == SandboxPhase.Creating;
        }
        catch (Exception e) when (e is JsonException or FileNotFoundException)
        {
            return true;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

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
        if (Directory.Exists(directory))
        {
            foreach (var file in Directory.EnumerateFiles(directory).Where(f => f != Paths.Record(id))) File.Delete(file);
            Directory.Delete(directory, true);
        }

        DurableFile.SyncDirectory(Paths.AllDurable);
    }

    /// <summary>Moves a file or directory of a sandbox out of the way and says where to.</summary>
    public string MoveAside(string id, string path)
    {
        DurableDirectory.Make(Paths.Aside, OwnerOnly);
        var target = Path.Combine(Paths.Aside, $"sandbox-{id}-{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}");
        if (Directory.Exists(path)) Directory.Move(path, target);
        else File.Move(path, target);
        DurableFile.SyncDirectory(Path.GetDirectoryName(path)!);
        return target;
    }

    private static CniAttachment? ReadAttachment(string path) => File.Exists(path)
        ? JsonSerializer.Deserialize(File.ReadAllBytes(path), CniAttachmentJson.Default.CniAttachment)
        : null;

    private static byte[] Bytes(SandboxRecord record) =>
        JsonSerializer.SerializeToUtf8Bytes(record, SandboxRecordJson.Default.SandboxRecord);

    private static byte[] Bytes(CniAttachment network) => JsonSerializer.SerializeToUtf8Bytes(network, CniAttachmentJson.Default.CniAttachment);
}
