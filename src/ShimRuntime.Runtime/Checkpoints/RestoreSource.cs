using System.Text;
using System.Text.Json;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// One container's part of an unpacked archive: what CreateContainer takes instead of an image. It brings processes and files; all else
/// (mounts, privileges, limits, names, annotations) is the request's, and what was checkpointed has to fit into that.
/// </summary>
internal sealed class RestoreSource
{
    private const int MaxDocumentBytes = 4 << 20;
    private const int MaxDeletedBytes = 64 << 20;
    private const string SettingsFile = "criu.conf";
    private readonly string _directory;
    private readonly RuntimeSpec _then;
    private readonly IReadOnlyList<string> _deleted;

    private RestoreSource(string directory, IReadOnlyList<string> images, RuntimeSpec then, IReadOnlyList<string> deleted) =>
        (_directory, ImageReferences, _then, _deleted) = (directory, images, then, deleted);

    /// <summary>Of the image that it ran on: id, then name.</summary>
    public IReadOnlyList<string> ImageReferences { get; }

    /// <param name="directory">Unpacked; what is used of it is moved away.</param>
    /// <exception cref="RuntimeFault">InvalidArgument: a part is missing or no such document.</exception>
    public static RestoreSource Read(string directory, string failure)
    {
        try
        {
            if (!File.Exists(Path.Combine(directory, CheckpointStage.Images, "descriptors.json")))
                throw new InvalidDataException("it has no 'checkpoint/descriptors.json'");
            var references = References(Document(directory, CheckpointDocuments.ConfigDump, MaxDocumentBytes));
            var spec = RuntimeJson.ReadSpec(Document(directory, CheckpointDocuments.SpecDump, MaxDocumentBytes));
            return new RestoreSource(directory, references, spec, Deleted(directory));
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or FormatException or InvalidOperationException)
        {
            throw RuntimeFault.InvalidArgument($"{failure}: the checkpoint is refused: {e.Message}");
        }
    }

    /// <summary>Files into the new writable layer, which is not mounted yet; images and settings of CRIU to where the start looks for them.</summary>
    /// <exception cref="RuntimeFault">InvalidArgument: what the archive has in it is refused. ResourceExhausted: the disk is full.</exception>
    public async Task FillAsync(Snapshot snapshot, RestorePlace place, CancellationToken cancellation)
    {
        var target = place.Directory;
        var diff = Path.Combine(_directory, CheckpointStage.RootfsDiff);
        await using (var tar = File.Exists(diff) ? File.OpenRead(diff) : Stream.Null)
        {
            var room = FilesystemSpace.Of(_directory).HalfOfAvailableBytes;
            await WritableLayer.ImportAsync(snapshot, tar, _deleted, room, cancellation).ConfigureAwait(false);
        }

        Directory.CreateDirectory(target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Move(Path.Combine(_directory, CheckpointStage.Images), Path.Combine(target, CheckpointStage.Images));
        SetHostname(ImagesIn(target), place.Hostname);
        DurableFile.WriteVolatile(Settings(target), Encoding.UTF8.GetBytes(SettingsText(place.LeafCgroup)));
    }

    /// <summary>What runc is to give CRIU as its settings.</summary>
    public static string Settings(string target) => Path.Combine(target, SettingsFile);

    public static string ImagesIn(string target) => Path.Combine(target, CheckpointStage.Images);

    /// <exception cref="RuntimeFault">InvalidArgument: the checkpoint is more than the request allows, or other than it asks.</exception>
    public void Check(RuntimeSpec now, string failure)
    {
        if (RestoreChecks.Difference(_then, now) is { } difference)
            throw RuntimeFault.InvalidArgument($"{failure}: the checkpoint does not fit the request: {difference}; ask for what was checkpointed");
    }

    private static void SetHostname(string images, string hostname)
    {
        try
        {
            UtsImage.SetHostname(images, hostname);
        }
        catch (InvalidDataException e)
        {
            throw RuntimeFault.InvalidArgument($"failed to create container: the checkpoint is refused: {e.Message}");
        }
    }

    /// <summary>
    /// cgroup-root: CRIU would put the processes back into the cgroup that they came from, another container's by now. runc says so itself on
    /// v1 alone. tcp-close: the other ends of connections know nothing of this copy.
    /// </summary>
    private static string SettingsText(string leafCgroup) =>
        CgroupHierarchy.Detect().IsV2 ? $"cgroup-root {leafCgroup}\ntcp-close\n" : "tcp-close\n";

    private static byte[] Document(string directory, string name, int maxBytes)
    {
        var file = new FileInfo(Path.Combine(directory, name));
        if (!file.Exists) throw new InvalidDataException($"it has no '{name}'");
        if (file.Length > maxBytes) throw new InvalidDataException($"'{name}' is larger than {maxBytes} bytes");
        return File.ReadAllBytes(file.FullName);
    }

    private static List<string> References(byte[] config)
    {
        using var document = JsonDocument.Parse(config);
        var references = new List<string>();
        foreach (var member in (ReadOnlySpan<string>)["rootfsImageRef", "rootfsImage", "rootfsImageName"])
        {
            if (document.RootElement.TryGetProperty(member, out var value) && value.GetString() is { Length: > 0 } text) references.Add(text);
        }

        return references.Count > 0 ? references : throw new InvalidDataException("its config.dump names no image");
    }

    private static List<string> Deleted(string directory)
    {
        if (!File.Exists(Path.Combine(directory, CheckpointDocuments.DeletedFiles))) return [];
        using var document = JsonDocument.Parse(Document(directory, CheckpointDocuments.DeletedFiles, MaxDeletedBytes));
        if (document.RootElement.ValueKind == JsonValueKind.Null) return []; // an empty slice of Go's
        return [.. document.RootElement.EnumerateArray().Select(e => e.GetString() ?? throw new InvalidDataException("deleted.files has a null"))];
    }
}
