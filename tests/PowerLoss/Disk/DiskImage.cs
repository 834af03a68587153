using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace ShimRuntime.PowerLoss.Tests.Disk;

/// <summary>A file or directory as a power loss has left it.</summary>
public sealed record ImageEntry(string Path, Node Node, Attributes Attributes, Content Content);

/// <summary>All that is on a disk after a power loss; parents before what is in them.</summary>
public sealed class DiskImage
{
    private static readonly ConcurrentDictionary<ImageEntry, UInt128> Hashes = new();
    private readonly Lazy<UInt128> _key;

    public DiskImage(IReadOnlyList<ImageEntry> entries)
    {
        Entries = entries;
        _key = new Lazy<UInt128>(() => Hash(entries.Where(e => !IsUnread(e.Path))));
    }

    public IReadOnlyList<ImageEntry> Entries { get; }

    /// <summary>Two images with one key differ, if at all, in what a start deletes without reading it.</summary>
    public UInt128 Key => _key.Value;

    /// <summary>Of everything in the entries, whatever their order: a sum, because most entries are in thousands of images.</summary>
    public static UInt128 Hash(IEnumerable<ImageEntry> entries)
    {
        UInt128 sum = 0;
        foreach (var entry in entries) sum = unchecked(sum + Hashes.GetOrAdd(entry, HashOf));
        return sum;
    }

    private static UInt128 HashOf(ImageEntry entry)
    {
        var content = entry.Node.Kind == NodeKind.File ? entry.Content.Hash : "";
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{entry.Path}\0{entry.Node.Kind}\0{entry.Node.Target}\0{entry.Attributes}\0{content}"));
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
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
