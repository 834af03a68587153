namespace ShimRuntime.PowerLoss.Tests.Disk;

/// <summary>
/// A directory tree under the loosest promises that POSIX makes: a file's bytes and attributes are on disk once it was fsynced, a name once its
/// directory was, everything once the file system was (syncfs). What is on disk before that is chance. Paths are relative to the tree's top; "" is the top.
/// </summary>
public sealed class DiskModel
{
    private readonly List<NameChange> _pending = [];
    private int _lastNode;

    public Node Top { get; } = new(0, NodeKind.Directory, new Attributes(0x1C0, 0, 0));

    /// <summary>Operations that were applied.</summary>
    public int Count { get; set; }

    /// <summary>Changes of names that no fsync has made durable, oldest first.</summary>
    public IReadOnlyList<NameChange> Pending => _pending;

    public Node? Find(string path)
    {
        var node = Top;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!node.Names.TryGetValue(part, out node!)) return null;
        }

        return node;
    }

    public Node Get(string path) => Find(path) ?? throw new InvalidOperationException($"the trace uses '{path}', which the model does not have");

    public Node Create(string path, NodeKind kind, Attributes attributes, string target = "")
    {
        var node = new Node(++_lastNode, kind, attributes, target) { ChangedAt = Count };
        var (directory, name) = Parent(path);
        Change("create", new Entry(directory, name, null, node));
        return node;
    }

    public void Link(Node node, string path)
    {
        var (directory, name) = Parent(path);
        Change("link", new Entry(directory, name, null, node));
    }

    public void Unlink(string path)
    {
        var (directory, name) = Parent(path);
        Change("unlink", new Entry(directory, name, directory.Names[name], null));
    }

    public void Rename(string from, string to)
    {
        var (source, old) = Parent(from);
        var (directory, name) = Parent(to);
        Change("rename", new Entry(source, old, source.Names[old], null), new Entry(directory, name, directory.Names.GetValueOrDefault(name), source.Names[old]));
    }

    public void Write(Node node, long offset, ReadOnlySpan<byte> bytes) => (node.Content, node.ChangedAt) = (node.Content.With(offset, bytes), Count);

    public void Resize(Node node, long size) => (node.Content, node.ChangedAt) = (node.Content.Resized(size), Count);

    /// <summary>What fsync of a node, or syncfs (null), will have made durable when it returns: all that was done before it was called.</summary>
    public Action BeginSync(Node? node)
    {
        if (node is not null) return node.Kind == NodeKind.Directory ? BeginSyncNames(node) : BeginSyncData(node);
        var all = Everything().ConvertAll(BeginSyncData);
        var names = _pending.ToList();
        return () =>
        {
            all.ForEach(sync => sync());
            names.ForEach(Persist);
        };
    }

    private List<Node> Everything()
    {
        var seen = new HashSet<Node>();
        Visit(Top, seen);
        foreach (var entry in _pending.SelectMany(c => c.Entries)) Visit(entry.Directory, seen);
        return [.. seen];
    }

    private static void Visit(Node node, HashSet<Node> seen)
    {
        if (!seen.Add(node)) return;
        foreach (var child in node.Names.Values) Visit(child, seen);
    }

    private static Action BeginSyncData(Node node)
    {
        var (content, attributes) = (node.Content, node.Attributes);
        return () => (node.DurableContent, node.DurableAttributes) = (content, attributes);
    }

    private Action BeginSyncNames(Node directory)
    {
        var (attributes, names) = (directory.Attributes, _pending.Where(c => c.Entries.Any(e => e.Directory == directory)).ToList());
        return () =>
        {
            directory.DurableAttributes = attributes;
            names.ForEach(Persist);
        };
    }

    /// <summary>What it stands on, earlier changes of the same names, is durable before it.</summary>
    private void Persist(NameChange change)
    {
        if (!_pending.Contains(change)) return;
        foreach (var earlier in _pending.TakeWhile(c => c != change).Where(c => Touches(c, change)).ToList()) Persist(earlier);
        Apply(change, d => d.DurableNames);
        _pending.Remove(change);
    }

    private static bool Touches(NameChange one, NameChange other) =>
        one.Entries.Any(e => other.Entries.Any(o => o.Directory == e.Directory && o.Name == e.Name));

    private void Change(string call, params Entry[] entries)
    {
        var change = new NameChange(Count, call, entries);
        Apply(change, d => d.Names);
        _pending.Add(change);
    }

    internal static void Apply(NameChange change, Func<Node, Dictionary<string, Node>> names)
    {
        foreach (var entry in change.Entries)
        {
            if (entry.After is null) names(entry.Directory).Remove(entry.Name);
            else names(entry.Directory)[entry.Name] = entry.After;
        }
    }

    private (Node Directory, string Name) Parent(string path)
    {
        var slash = path.LastIndexOf('/');
        return (Get(slash < 0 ? "" : path[..slash]), path[(slash + 1)..]);
    }
}
