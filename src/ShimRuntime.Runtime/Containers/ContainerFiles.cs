using System.Text.Json;
using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>The daemon's durable files of a container: request.pb and record.json. Both 0600: the environment may hold secrets.</summary>
public sealed class ContainerFiles(ContainerPaths paths)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public ContainerPaths Paths { get; } = paths;

    public void MakeRoots()
    {
        Directory.CreateDirectory(Paths.AllDurable, OwnerOnly);
        Directory.CreateDirectory(Paths.AllVolatile, OwnerOnly);
        Directory.CreateDirectory(Paths.RuncRoot, OwnerOnly);
    }

    /// <summary>Request first: a record without its request would be no use to recovery.</summary>
    public void Create(ContainerRecord record, CreateContainerRequest request)
    {
        Directory.CreateDirectory(Paths.Durable(record.Id), OwnerOnly);
        DurableFile.Write(Paths.Request(record.Id), request.ToByteArray());
        Write(record);
        DurableFile.SyncDirectory(Paths.AllDurable);
    }

    public void Write(ContainerRecord record)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(record, ContainerRecordJson.Default.ContainerRecord);
        DurableFile.Write(Paths.Record(record.Id), json);
    }

    /// <summary>Ids of all directories that look like a container's.</summary>
    public IReadOnlyList<string> Ids() =>
        [.. Directory.EnumerateDirectories(Paths.AllDurable).Select(d => Path.GetFileName(d)).Where(ContainerId.IsValid)];

    public bool HasRecord(string id) => File.Exists(Paths.Record(id));

    /// <summary>Throws what reading or parsing throws; recovery then moves the directory aside.</summary>
    public (ContainerRecord Record, CreateContainerRequest Request) Read(string id)
    {
        var record = JsonSerializer.Deserialize(File.ReadAllBytes(Paths.Record(id)), ContainerRecordJson.Default.ContainerRecord);
        if (record is null || record.Id != id)
            throw new InvalidDataException($"{Paths.Record(id)}: not the record of this directory's container");
        if (record.Schema > ContainerRecord.CurrentSchema)
            throw new InvalidDataException($"{Paths.Record(id)}: schema {record.Schema} is newer than this daemon");
        return (record, CreateContainerRequest.Parser.ParseFrom(File.ReadAllBytes(Paths.Request(id))));
    }

    /// <summary>Deletes record, request and exit; the record goes last, so that a torn removal is found again.</summary>
    public void Delete(string id)
    {
        var directory = Paths.Durable(id);
        if (!Directory.Exists(directory)) return;
        foreach (var file in Directory.EnumerateFiles(directory).Where(f => f != Paths.Record(id))) File.Delete(file);
        File.Delete(Paths.Record(id));
        Directory.Delete(directory, true);
        DurableFile.SyncDirectory(Paths.AllDurable);
    }

    /// <summary>Moves an unreadable container's directory out of the way and says where to.</summary>
    public string MoveAside(string id)
    {
        Directory.CreateDirectory(Paths.Aside, OwnerOnly);
        var target = Path.Combine(Paths.Aside, $"container-{id}-{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}");
        Directory.Move(Paths.Durable(id), target);
        DurableFile.SyncDirectory(Paths.AllDurable);
        return target;
    }
}
