using System.Collections.Immutable;

namespace ShimRuntime.PowerLoss.Tests.Disk;

public enum NodeKind
{
    File,
    Directory,
    Symlink,
    Special,
}

/// <summary>Owner, permission bits and extended attributes of an inode.</summary>
public sealed record Attributes(uint Mode, uint Uid, uint Gid)
{
    /// <summary>Values in hexadecimal.</summary>
    public ImmutableSortedDictionary<string, string> Xattrs { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    public override string ToString() => $"{Convert.ToString(Mode, 8)} {Uid}:{Gid} {string.Join(' ', Xattrs.Select(x => $"{x.Key}={x.Value}"))}";
}

/// <summary>An inode: as every process sees it now, and as it is on disk for certain.</summary>
public sealed class Node
{
    public Node(int id, NodeKind kind, Attributes attributes, string target = "")
    {
        (Id, Kind, Target) = (id, kind, target);
        Attributes = DurableAttributes = attributes;
    }

    public int Id { get; }

    public NodeKind Kind { get; }

    /// <summary>Of a symbolic link where it leads, of a special file its kind and number.</summary>
    public string Target { get; }

    public Attributes Attributes { get; set; }

    public Attributes DurableAttributes { get; set; }

    public Content Content { get; set; } = Content.Empty;

    public Content DurableContent { get; set; } = Content.Empty;

    /// <summary>Number of the operation that last changed the content.</summary>
    public int ChangedAt { get; set; }

    /// <summary>Where the next write(2) goes.</summary>
    public long Position { get; set; }

    /// <summary>A directory's names.</summary>
    public Dictionary<string, Node> Names { get; } = [];

    /// <summary>Those that fsync of the directory has made durable.</summary>
    public Dictionary<string, Node> DurableNames { get; } = [];

    public bool IsDirty => Kind == NodeKind.File && !ReferenceEquals(Content, DurableContent);
}
