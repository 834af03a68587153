namespace ShimRuntime.PowerLoss.Tests.Disk;

/// <summary>
/// What a power loss at one moment may leave. Not every subset of what was not synced, whose number has no bounds, but each single loss, each
/// directory's alone, and each way in which all of it can be lost at once.
/// </summary>
public static class CrashImages
{
    /// <summary>Single losses are tried of so many of the newest changes: what is older was tried when it was new.</summary>
    private const int Newest = 16;

    /// <summary>In words what was lost, and the disk.</summary>
    public static IEnumerable<(string Loss, DiskImage Image)> Of(DiskModel disk)
    {
        yield return ("all that was not synced", List(disk, _ => false, Lost));
        yield return ("nothing", List(disk, _ => true, Kept));
        yield return ("bytes, not names", List(disk, _ => true, Lost));
        yield return ("bytes, not sizes", List(disk, _ => true, n => n.Content.Zeroed(n.DurableContent)));
        yield return ("half a block of each file", List(disk, _ => true, n => n.Content.Torn(n.DurableContent)));
        yield return ("half a block of each file, and its end", List(disk, _ => true, n => n.Content.Short(n.DurableContent)));
        foreach (var change in disk.Pending.TakeLast(Newest))
        {
            if (change.IsRename || change.Call == "unlink")
                yield return ($"{change.Call} '{change.Entries[^1].Name}'", List(disk, c => c != change, Kept));
        }

        foreach (var directory in disk.Pending.SelectMany(c => c.Entries).Select(e => e.Directory).Distinct().ToList())
        {
            bool Concerns(NameChange change) => change.Entries.Any(e => e.Directory == directory);
            yield return ("names of one directory", List(disk, c => !Concerns(c), Kept));
            yield return ("names of all directories but one", List(disk, Concerns, Kept));
            yield return ("bytes, and names of all directories but one", List(disk, Concerns, Lost));
        }

        foreach (var file in Dirty(disk).OrderByDescending(n => n.ChangedAt).Take(Newest).ToList())
            yield return ("bytes of one file", List(disk, _ => true, n => n == file ? n.DurableContent : n.Content));
    }

    private static Content Kept(Node node) => node.Content;

    private static Content Lost(Node node) => node.DurableContent;

    private static IEnumerable<Node> Dirty(DiskModel disk) => List(disk, _ => true, Kept).Entries.Select(e => e.Node).Distinct().Where(n => n.IsDirty);

    /// <summary>The tree with those of the pending changes that <paramref name="kept"/> says, as far as one can stand on the other.</summary>
    private static DiskImage List(DiskModel disk, Func<NameChange, bool> kept, Func<Node, Content> content)
    {
        var changed = new Dictionary<Node, Dictionary<string, Node>>();
        foreach (var change in disk.Pending.Where(kept).Where(c => c.Fits(n => changed.GetValueOrDefault(n) ?? n.DurableNames)))
        {
            foreach (var entry in change.Entries) changed.TryAdd(entry.Directory, new Dictionary<string, Node>(entry.Directory.DurableNames));
            DiskModel.Apply(change, n => changed[n]);
        }

        var entries = new List<ImageEntry>();
        Add(disk.Top, "");
        return new DiskImage(entries);

        void Add(Node directory, string prefix)
        {
            foreach (var (name, node) in (changed.GetValueOrDefault(directory) ?? directory.DurableNames).OrderBy(e => e.Key, StringComparer.Ordinal))
            {
                var loses = node.Kind == NodeKind.File && content(node) == node.DurableContent;
                entries.Add(new ImageEntry(prefix + name, node, loses ? node.DurableAttributes : node.Attributes, content(node)));
                if (node.Kind == NodeKind.Directory) Add(node, prefix + name + "/");
            }
        }
    }
}
