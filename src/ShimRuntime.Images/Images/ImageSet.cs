using System.Collections.Immutable;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>All images at one moment, and the ways to find them. Immutable: a change makes a new set.</summary>
internal sealed class ImageSet
{
    private const int MinPrefix = 12;
    private readonly ImmutableSortedDictionary<string, ImageRecord> _byHex;
    private readonly ImmutableDictionary<string, string> _hexByName;

    private ImageSet(ImmutableSortedDictionary<string, ImageRecord> byHex, ImmutableDictionary<string, string> hexByName)
    {
        _byHex = byHex;
        _hexByName = hexByName;
        Records = [.. byHex.Values];
    }

    public static ImageSet Empty { get; } = new(
        ImmutableSortedDictionary.Create<string, ImageRecord>(StringComparer.Ordinal), ImmutableDictionary<string, string>.Empty);

    public ImmutableArray<ImageRecord> Records { get; }

    /// <summary>Adds or replaces; names that others had are taken from them.</summary>
    public ImageSet With(ImageRecord record)
    {
        var images = _byHex;
        var holders = record.RepoTags.Concat(record.RepoDigests).Select(ByName).OfType<ImageRecord>().Distinct();
        foreach (var loser in holders.Where(r => r.Id != record.Id))
        {
            images = images.SetItem(Hex(loser.Id), loser with
            {
                RepoTags = [.. loser.RepoTags.Except(record.RepoTags)],
                RepoDigests = [.. loser.RepoDigests.Except(record.RepoDigests)],
            });
        }

        return Indexed(images.SetItem(Hex(record.Id), record));
    }

    public ImageSet Without(string id) => Indexed(_byHex.Remove(Hex(id)));

    public ImageRecord? ById(string id) => Digest.TryParse(id, out var digest) ? _byHex.GetValueOrDefault(digest.Hex) : null;

    /// <summary>As <see cref="IImageStore.Find"/> says: id, bare hex, name, then an unambiguous prefix of an id.</summary>
    public ImageRecord? Find(string reference)
    {
        if (ById(reference) is { } byId) return byId;
        var hex = reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference[7..] : reference;
        if (_byHex.TryGetValue(hex, out var byHex)) return byHex;
        if (ImageReference.TryParse(reference, out var name) && ByReference(name) is { } named) return named;
        return ByPrefix(hex);
    }

    /// <summary>The digest decides where there is one, so a stale tag beside it does not mislead.</summary>
    private ImageRecord? ByReference(ImageReference name) =>
        name.Digest is { } digest ? ByName(name.DigestName(digest)) : ByName(name.TagName!);

    public ImageRecord? FindByManifest(Digest digest) => Records.FirstOrDefault(
        r => r.Manifests.Contains(digest) || r.RepoDigests.Any(name => name.EndsWith(digest.ToString(), StringComparison.Ordinal)));

    private ImageRecord? ByName(string name) => _hexByName.TryGetValue(name, out var hex) ? _byHex[hex] : null;

    private ImageRecord? ByPrefix(string prefix)
    {
        if (prefix.Length is < MinPrefix or >= 64 || prefix.AsSpan().ContainsAnyExcept("0123456789abcdef")) return null;
        var matches = Records.Where(r => Hex(r.Id).StartsWith(prefix, StringComparison.Ordinal)).Take(2).ToList();
        return matches.Count == 1 ? matches[0] : null;
    }

    private static ImageSet Indexed(ImmutableSortedDictionary<string, ImageRecord> images) =>
        new(images, images.SelectMany(Names, (image, name) => KeyValuePair.Create(name, image.Key)).ToImmutableDictionary());

    private static IEnumerable<string> Names(KeyValuePair<string, ImageRecord> image) =>
        image.Value.RepoTags.Concat(image.Value.RepoDigests);

    private static string Hex(string id) => Digest.Parse(id).Hex;
}
