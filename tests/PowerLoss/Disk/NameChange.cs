namespace ShimRuntime.PowerLoss.Tests.Disk;

/// <summary>One name of a directory that becomes another inode's, or nobody's (null).</summary>
public sealed record Entry(Node Directory, string Name, Node? Before, Node? After);

/// <summary>
/// What one system call does to names: it reaches the disk whole or not at all, as every journal has it, but before or after others.
/// </summary>
public sealed record NameChange(int Number, string Call, IReadOnlyList<Entry> Entries)
{
    public bool IsRename => Call == "rename";

    /// <summary>Whether it can have happened in a world where others before it were lost.</summary>
    public bool Fits(Func<Node, Dictionary<string, Node>> names) => Entries.All(e =>
    {
        var there = names(e.Directory).GetValueOrDefault(e.Name);
        // What is taken away has to be there; what is put somewhere may replace anything but a directory that is not empty.
        if (e.After is null) return there is not null && there == e.Before && (there.Kind != NodeKind.Directory || IsMove(there) || names(there).Count == 0);
        return there is null || there.Kind != NodeKind.Directory || names(there).Count == 0;
    });

    private bool IsMove(Node node) => Entries.Any(e => e.After == node);
}
