using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Records of whole images: images/&lt;hex of the id&gt;.json, and the same in memory as one immutable set that readers take without a
/// lock. A tag names one image: the newest claim on disk wins when a crash left two.
/// </summary>
internal sealed class ImageStore
{
    private readonly string _directory;
    private readonly Func<string, bool> _isPinned;
    private readonly Lock _writing = new();
    private volatile ImageSet _images = ImageSet.Empty;

    private ImageStore(string root, Func<string, bool> isPinned)
    {
        _directory = Path.Combine(root, "images");
        _isPinned = isPinned;
    }

    public IReadOnlyCollection<ImageRecord> Records => _images.Records;

    /// <param name="isPinned">Whether a normalised name is one of the configured pinned images.</param>
    public static ImageStore Open(string root, Func<string, bool> isPinned, ILogger log)
    {
        var store = new ImageStore(root, isPinned);
        PrivateDirectory.Create(store._directory);
        var loaded = new List<ImageRecord>();
        foreach (var path in Directory.EnumerateFiles(store._directory))
        {
            if (path.EndsWith(".tmp", StringComparison.Ordinal)) File.Delete(path);
            else if (path.EndsWith(".json", StringComparison.Ordinal) && Load(path, log) is { } record) loaded.Add(record);
        }

        foreach (var record in loaded.OrderBy(r => r.PulledAt)) store._images = store._images.With(store.Pinned(record));
        return store;
    }

    /// <summary>Documents that an image keeps: its config, its manifests, and what its digest references name.</summary>
    public static IEnumerable<Digest> BlobsOf(ImageRecord record) =>
    [
        Digest.Parse(record.Id),
        .. record.Manifests,
        .. record.RepoDigests.Select(name => Digest.Parse(name[(name.IndexOf('@') + 1)..])),
    ];

    public ImageRecord? Find(string reference) => _images.Find(reference);

    /// <summary>The image that the digest (of a manifest or an index) leads to on this platform.</summary>
    public ImageRecord? FindByManifest(Digest digest) => _images.FindByManifest(digest);

    /// <summary>
    /// Records an image, or adds these names and manifests to it; takes its tags from whoever had them. Durable when it returns.
    /// </summary>
    /// <param name="record">With only the new names; an existing record of the id keeps its own beside them.</param>
    public ImageRecord Put(ImageRecord record)
    {
        lock (_writing) return PutLocked(record);
    }

    /// <summary>As <see cref="Put"/>, but only if the image is (still) recorded; null: it is not.</summary>
    public ImageRecord? AddNames(ImageRecord record)
    {
        lock (_writing) return _images.ById(record.Id) is null ? null : PutLocked(record);
    }

    /// <summary>Forgets an image with all its names. False: it is not there (any more).</summary>
    public bool Remove(string id)
    {
        lock (_writing)
        {
            if (_images.ById(id) is null) return false;
            DurableFile.Delete(PathOf(id));
            _images = _images.Without(id);
            return true;
        }
    }

    private ImageRecord PutLocked(ImageRecord record)
    {
        var merged = Pinned(_images.ById(record.Id) is { } known ? Merge(known, record) : record);
        var next = _images.With(merged);
        Write(merged);
        foreach (var robbed in next.Records.Where(r => r.Id != merged.Id && _images.ById(r.Id) != r)) Write(robbed);
        _images = next;
        return merged;
    }

    private static ImageRecord Merge(ImageRecord known, ImageRecord added) => added with
    {
        Manifests = [.. known.Manifests.Union(added.Manifests)],
        RepoTags = [.. known.RepoTags.Union(added.RepoTags)],
        RepoDigests = [.. known.RepoDigests.Union(added.RepoDigests)],
    };

    private ImageRecord Pinned(ImageRecord record) => record with { Pinned = record.RepoTags.Concat(record.RepoDigests).Any(_isPinned) };

    private void Write(ImageRecord record)
    {
        var stored = new StoredImage { Image = record with { Pinned = false } };
        DurableFile.Write(PathOf(record.Id), JsonSerializer.SerializeToUtf8Bytes(stored, ImageRecordJson.Default.StoredImage));
    }

    private static ImageRecord? Load(string path, ILogger log)
    {
        try
        {
            var stored = JsonSerializer.Deserialize(File.ReadAllBytes(path), ImageRecordJson.Default.StoredImage);
            if (stored is { Version: StoredImage.CurrentVersion }
                && Digest.TryParse(stored.Image.Id, out var id) && Path.GetFileName(path) == id.Hex + ".json")
                return stored.Image;
        }
        catch (JsonException)
        {
            // Moved aside below, like one of another version.
        }

        log.LogError("Image record {Path} does not parse: moved aside, the image has to be pulled again", path);
        File.Move(path, path + ".broken", true);
        return null;
    }

    private string PathOf(string id) => Path.Combine(_directory, Digest.Parse(id).Hex + ".json");
}

/// <summary>images/&lt;key&gt;.json.</summary>
internal sealed record StoredImage
{
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    public required ImageRecord Image { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredImage))]
internal sealed partial class ImageRecordJson : JsonSerializerContext;
