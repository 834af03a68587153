using System.Text.Json;
using System.Text.RegularExpressions;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// How a pod's checkpoint is laid out: pod.dump, which names the containers, and each one's parts, as in an archive of its own, below
/// containers/&lt;name&gt;/.
/// </summary>
internal static partial class PodArchive
{
    public const string PodDump = "pod.dump";
    private const string FileName = "pod-checkpoint.tar";
    private const int MaxDumpBytes = 1 << 20;
    private const int Version = 1;

    /// <summary>kubelet names a directory of its own for what a runtime writes; a path that is none is the file itself.</summary>
    public static string FileIn(string path) => Directory.Exists(path) ? Path.Combine(path, FileName) : path;

    /// <summary>Where the parts of a container are, with a slash at the end.</summary>
    public static string Prefix(string name) => $"containers/{name}/";

    /// <summary>Kubernetes' container names are such; another can't be a directory's name in an archive.</summary>
    public static bool IsName(string name) => NamePattern().IsMatch(name);

    public static byte[] Dump(Sandbox sandbox, IReadOnlyList<ContainerEntry> containers) => CheckpointDocuments.Write(json =>
    {
        json.WriteNumber("version", Version);
        json.WriteString("id", sandbox.Id);
        json.WriteString("name", sandbox.Config.Metadata.Name);
        json.WriteString("namespace", sandbox.Config.Metadata.Namespace);
        json.WriteString("uid", sandbox.Config.Metadata.Uid);
        json.WritePropertyName("containers");
        CheckpointDocuments.Strings(json, containers.Select(e => e.Config.Metadata.Name));
    });

    /// <summary>Names of the containers of an unpacked archive.</summary>
    /// <exception cref="RuntimeFault">InvalidArgument.</exception>
    public static IReadOnlyList<string> Names(string directory, string failure)
    {
        var file = new FileInfo(Path.Combine(directory, PodDump));
        if (!file.Exists || file.Length > MaxDumpBytes)
            throw RuntimeFault.InvalidArgument($"{failure}: the archive is no pod's: it has no {PodDump}");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file.FullName));
            var root = document.RootElement;
            if (root.GetProperty("version").GetInt32() != Version) throw new JsonException("it is of another version");
            string[] names = [.. root.GetProperty("containers").EnumerateArray().Select(e => e.GetString() ?? "")];
            if (names.All(IsName) && names.Distinct().Count() == names.Length) return names;
            throw new JsonException("its containers have no right names");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw RuntimeFault.InvalidArgument($"{failure}: the archive is refused: {PodDump}: {e.Message}");
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,199}\z")]
    private static partial Regex NamePattern();
}
