using System.Text.Json;
using ShimRuntime.PowerLoss.Tests.Disk;

namespace ShimRuntime.PowerLoss.Tests.Replay;

/// <summary>What a layer's directory holds when it is whole: names, kinds, owners, modes, attributes and bytes, by chain id.</summary>
public sealed class LayerTrees
{
    private readonly Dictionary<string, UInt128> _trees = [];
    private readonly HashSet<Node> _learnt = [];

    /// <summary>From what the recorded daemon has committed by now.</summary>
    public void Learn(DiskModel disk)
    {
        if (disk.Find("snapshots") is not { } snapshots) return;
        foreach (var (name, node) in snapshots.Names.Where(s => char.IsAsciiDigit(s.Key[0]) && _learnt.Add(s.Value)))
        {
            if (ChainOf(disk.Get($"snapshots/{name}/snapshot.json").Content) is { } chain)
                _trees.TryAdd(chain, DiskImage.Hash(List(node.Names["fs"], "")));
        }
    }

    /// <summary>What is wrong with an image whose record is on the disk: nothing, or sentences.</summary>
    public IEnumerable<string> Verify(DiskImage disk, string id)
    {
        var record = disk.Entries.FirstOrDefault(e => e.Path == $"images/{Hex(id)}.json");
        if (record is null) return [$"image {id} is listed and has no record"];
        using var json = JsonDocument.Parse(record.Content.Bytes.ToArray());
        var image = json.RootElement.GetProperty("image");
        var layers = image.GetProperty("chainIds").EnumerateArray().Select(c => c.GetString()!).SelectMany(c => VerifyLayer(disk, c));
        var blobs = image.GetProperty("manifests").EnumerateArray().Select(m => m.GetString()!).Append(id).SelectMany(d => VerifyBlob(disk, d));
        return layers.Concat(blobs).Select(fault => $"image {id}: {fault}").ToList();
    }

    private IEnumerable<string> VerifyLayer(DiskImage disk, string chain)
    {
        var home = disk.Entries.Where(e => e.Path.Split('/') is ["snapshots", [>= '0' and <= '9', ..], "snapshot.json"])
            .Where(e => ChainOf(e.Content) == chain).Select(e => e.Path[..e.Path.LastIndexOf('/')]).FirstOrDefault();
        if (home is null) return [$"layer {chain} is not there"];
        var fs = $"{home}/fs/";
        var found = disk.Entries.Where(e => e.Path.StartsWith(fs, StringComparison.Ordinal)).Select(e => e with { Path = e.Path[fs.Length..] });
        return DiskImage.Hash(found) == _trees[chain] ? [] : [$"layer {chain} in {home} is not what was pulled"];
    }

    private static IEnumerable<string> VerifyBlob(DiskImage disk, string digest)
    {
        var blob = disk.Entries.FirstOrDefault(e => e.Path == $"content/blobs/sha256/{Hex(digest)}");
        return blob?.Content.Hash == Hex(digest) ? [] : [$"document {digest} is {(blob is null ? "not there" : "damaged")}"];
    }

    /// <summary>Null: a writable layer's record, or a damaged one.</summary>
    private static string? ChainOf(Content record)
    {
        try
        {
            using var json = JsonDocument.Parse(record.Bytes.ToArray());
            return json.RootElement.TryGetProperty("layer", out var layer) ? layer.GetProperty("chainId").GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static IEnumerable<ImageEntry> List(Node directory, string prefix)
    {
        foreach (var (name, node) in directory.Names.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            yield return new ImageEntry(prefix + name, node, node.Attributes, node.Content);
            if (node.Kind != NodeKind.Directory) continue;
            foreach (var below in List(node, prefix + name + "/")) yield return below;
        }
    }

    private static string Hex(string digest) => digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
