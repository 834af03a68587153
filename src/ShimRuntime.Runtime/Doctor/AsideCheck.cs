using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>Records that did not parse and were moved out of the way, for whoever wants to know: aside/, images/*.broken, snapshots/.bad-*.</summary>
internal sealed class AsideCheck(string root) : ICheck
{
    public IEnumerable<Orphan> Look(Survey survey) =>
        In("aside", "*", "the record of a pod or container").Concat(In("images", "*.broken", "an image's record")).Concat(In("snapshots", ".bad-*", "a layer whose snapshot.json"));

    private IEnumerable<Orphan> In(string directory, string pattern, string what)
    {
        var path = Path.Combine(root, directory);
        return Directory.Exists(path) ? Directory.EnumerateFileSystemEntries(path, pattern).Select(entry => Of(entry, what)) : [];
    }

    private static Orphan Of(string path, string what)
    {
        var finding = new Finding
        {
            Kind = "aside", Subject = path, NamedBy = "its name", Why = $"{what} did not parse (a torn disk, or a newer release's): it was moved here at a start, and nothing reads it again",
            Remedy = "it is deleted; look at it first if you want to know what was lost",
        };
        return new Orphan(finding, null, new Repair($"aside {path}", Repair.OfFiles, token => Task.Run(() => Delete(path, token), CancellationToken.None)));
    }

    private static void Delete(string path, CancellationToken cancellation)
    {
        using var directory = SafeDirFd.Open(Path.GetDirectoryName(path)!);
        DirectoryTree.Remove(directory, FileName.Create(Path.GetFileName(path)), cancellation);
    }
}
