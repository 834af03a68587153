using System.Security.Cryptography;
using System.Text;

namespace ShimRuntime.PowerLoss.Tests.Disk;

/// <summary>A file or directory as a power loss has left it.</summary>
public sealed record ImageEntry(string Path, Node Node, Attributes Attributes, Content Content);

/// <summary>All that is on a disk after a power loss; parents before what is in them.</summary>
public sealed class DiskImage
{
    private readonly Lazy<string> _key;

    public DiskImage(IReadOnlyList<ImageEntry> entries)
    {
        Entries = entries;
        _key = new Lazy<string>(() => Hash(entries.Where(e => !IsUnread(e.Path))));
    }

    public IReadOnlyList<ImageEntry> Entries { get; }

    /// <summary>Two images with one key differ, if at all, in what a start deletes without reading it.</summary>
    public string Key => _key.Value;

    /// <summary>Of everything in the entries, in their order.</summary>
    public static string Hash(IEnumerable<ImageEntry> entries)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var e in entries)
            hash.AppendData(Encoding.UTF8.GetBytes($"{e.Path}\0{e.Node.Kind}\0{e.Node.Target}\0{e.Attributes}\0{(e.Node.Kind == NodeKind.File ? e.Content.Hash : "")}\n"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Inside of a layer being made or deleted, and of what an import stages: its top alone counts.</summary>
    private static bool IsUnread(string path)
    {
        var parts = path.Split('/');
        return parts switch
        {
            ["snapshots", var name, _, ..] => name.StartsWith(".new-", StringComparison.Ordinal) || name.StartsWith(".old-", StringComparison.Ordinal),
            ["content", "ingest", _, ..] => true,
            _ => false,
        };
    }
}
