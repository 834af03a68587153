using System.Globalization;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Containers;

/// <summary>The daemon's durable files of a container: request.pb and record.json. Both 0600: the environment may hold secrets.</summary>
public sealed class ContainerFiles(ContainerPaths paths)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>In a staging directory: path of a file elsewhere that goes with it.</summary>
    public const string StagingNote = "note";

    public ContainerPaths Paths { get; } = paths;

    public void MakeRoots()
    {
        DurableDirectory.Make(Paths.AllDurable, OwnerOnly);
        PassableDirectory.MakeRoot(Paths.AllVolatile);
        Directory.CreateDirectory(Paths.RuncRoot, OwnerOnly);
        Directory.CreateDirectory(Paths.Staging, OwnerOnly);
    }

    /// <summary>
    /// Request first: a record without its request would be no use to recovery. Survives this process; a power loss only after
    /// <see cref="SyncAsync"/>, which a start waits for: one that has not run is lost with nothing.
    /// </summary>
    public void Create(ContainerRecord record, CreateContainerRequest request)
    {
        Directory.CreateDirectory(Paths.Durable(record.Id), OwnerOnly);
        DurableFile.WriteVolatile(Paths.Request(record.Id), request.ToByteArray());
        WriteVolatile(record);
    }

    public void Write(ContainerRecord record) => DurableFile.Write(Paths.Record(record.Id), Bytes(record));

    /// <summary>As <see cref="Write"/>, durable only with <see cref="SyncAsync"/>.</summary>
    public void WriteVolatile(ContainerRecord record) => DurableFile.WriteVolatile(Paths.Record(record.Id), Bytes(record));

    /// <summary>Makes request and record durable; on another thread, because disks take milliseconds.</summary>
    public Task SyncAsync(string id) => Task.Run(() =>
    {
        DurableFile.Sync(Paths.Request(id));
        DurableFile.Sync(Paths.Record(id));
        DurableFile.SyncDirectory(Paths.Durable(id));
        DurableFile.SyncDirectory(Paths.AllDurable);
    });

    public void WriteStarted(string id, long nanos) => DurableFile.WriteVolatile(
        Paths.Started(id), Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{nanos}\n")));

    /// <summary>Unix nanoseconds; 0: never started, or not known any more.</summary>
    public long ReadStarted(string id)
    {
        try
        {
            // Without its end it is torn.
            var text = File.ReadAllText(Paths.Started(id));
            return text.EndsWith('\n') && long.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var nanos) ? nanos : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>Ids of all directories that look like a container's.</summary>
    public IReadOnlyList<string> Ids() =>
        [.. Directory.EnumerateDirectories(Paths.AllDurable).Select(d => Path.GetFileName(d)).Where(ContainerId.IsValid)];

    public bool HasRecord(string id) => File.Exists(Paths.Record(id));

    /// <summary>Throws what reading or parsing throws; recovery then moves the directory aside.</summary>
    public (ContainerRecord Record, CreateContainerRequest Request) Read(string id)
    {
        var record = ReadRecord(id);
        var request = CreateContainerRequest.Parser.ParseFrom(File.ReadAllBytes(Paths.Request(id)));
        // An empty file is a message, too.
        if (request.Config?.Metadata is null) throw new EndOfStreamException($"{Paths.Request(id)}: it ends before the container's metadata");
        return (record, request);
    }

    /// <summary>One whose request is gone already: its deletion was cut short. Null: it is none, or can't be read.</summary>
    public ContainerRecord? TryReadDeleted(string id)
    {
        if (File.Exists(Paths.Request(id))) return null;
        try
        {
            return ReadRecord(id) is { Phase: ContainerPhase.Removing or ContainerPhase.Creating } record ? record : null;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Of an exception from <see cref="Read"/>: a file is not whole, or not there. One that another release wrote is.</summary>
    public static bool IsTorn(Exception e) => e is JsonException or InvalidProtocolBufferException or EndOfStreamException or FileNotFoundException;

    /// <summary>
    /// Whether what can't be read is nobody's loss: no client was told that the container ran, because its files are synced before that (then a
    /// power loss tears them, if anything does), or its removal was under way.
    /// </summary>
    public bool HasNothingToTell(string id)
    {
        try
        {
            if (ReadRecord(id).Phase == ContainerPhase.Removing) return true;
        }
        catch (Exception e) when (IsTorn(e) || e is InvalidDataException)
        {
            // Then other files tell.
        }

        return !Directory.Exists(Paths.Run(id)) && !File.Exists(Paths.Exit(id)) && !File.Exists(Paths.Started(id));
    }

    private ContainerRecord ReadRecord(string id)
    {
        var record = JsonSerializer.Deserialize(File.ReadAllBytes(Paths.Record(id)), ContainerRecordJson.Default.ContainerRecord);
        if (record is null || record.Id != id)
            throw new InvalidDataException($"{Paths.Record(id)}: not the record of this directory's container");
        if (record.Schema > ContainerRecord.CurrentSchema)
            throw new InvalidDataException($"{Paths.Record(id)}: schema {record.Schema} is newer than this daemon");
        return record;
    }

    /// <summary>The record alone; null: there is none that can be read.</summary>
    public ContainerRecord? TryRead(string id)
    {
        try
        {
            return Read(id).Record;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    /// <summary>Deletes volumes, request, exit, and the record last, so that a torn removal is found again.</summary>
    public void Delete(string id)
    {
        if (Directory.Exists(Paths.Durable(id)))
        {
            using (var directory = SafeDirFd.Open(Paths.Durable(id)))
            {
                var record = FileName.Create(Path.GetFileName(Paths.Record(id)));
                // By descriptors: a container may have nested directories in a volume of its deeper than a path can be long.
                foreach (var entry in directory.List().Where(e => e.Name != record)) DirectoryTree.Remove(directory, entry.Name);
                directory.Unlink(record);
            }

            Directory.Delete(Paths.Durable(id));
        }

        DurableFile.SyncDirectory(Paths.AllDurable);
    }

    /// <summary>A new directory, 0700, for what is being written or read; gone by <see cref="DeleteStaging"/>, at the latest at the next start.</summary>
    public string MakeStaging()
    {
        var path = Path.Combine(Paths.Staging, Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(path, OwnerOnly);
        return path;
    }

    /// <summary>With what its note names. Best effort: what is left goes at the next start.</summary>
    public static void DeleteStaging(string path)
    {
        try
        {
            var note = Path.Combine(path, StagingNote);
            if (File.Exists(note)) ScratchFile.Delete(File.ReadAllText(note));
            if (Directory.Exists(path)) Directory.Delete(path, true);
        }
        catch (IOException)
        {
            // Somebody still writes there.
        }
    }

    /// <summary>What an earlier daemon left.</summary>
    public IReadOnlyList<string> StagingLeftovers() => Directory.Exists(Paths.Staging) ? Directory.GetDirectories(Paths.Staging) : [];

    /// <summary>Moves an unreadable container's directory out of the way and says where to.</summary>
    public string MoveAside(string id)
    {
        var target = AsideFor(id, "");
        Directory.Move(Paths.Durable(id), target);
        DurableFile.SyncDirectory(Paths.AllDurable);
        return target;
    }

    /// <summary>The same for its record alone.</summary>
    public string MoveRecordAside(string id)
    {
        var target = AsideFor(id, "-record.json");
        File.Move(Paths.Record(id), target);
        return target;
    }

    private string AsideFor(string id, string what)
    {
        DurableDirectory.Make(Paths.Aside, OwnerOnly);
        return Path.Combine(Paths.Aside, $"container-{id}-{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}{what}");
    }

    private static byte[] Bytes(ContainerRecord record) =>
        JsonSerializer.SerializeToUtf8Bytes(record, ContainerRecordJson.Default.ContainerRecord);
}
