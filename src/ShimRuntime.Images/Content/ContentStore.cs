using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Content-addressed documents (indexes, manifests, configs) below content/blobs/sha256. A blob is there only after its bytes were
/// verified, synced and renamed, so presence means whole. Layers are not kept compressed: they go from the network straight into their
/// directories. content/ingest holds what an import stages; nothing in it outlives the process that wrote it.
/// </summary>
internal sealed class ContentStore
{
    private readonly string _blobs;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<Digest, long> _sizes = new();

    private ContentStore(string root, ILogger log)
    {
        _blobs = Path.Combine(root, "content", "blobs", "sha256");
        IngestDirectory = Path.Combine(root, "content", "ingest");
        _log = log;
    }

    public string IngestDirectory { get; }

    public IReadOnlyCollection<Digest> Digests => [.. _sizes.Keys];

    public long UsedBytes => _sizes.Values.Sum();

    public int Count => _sizes.Count;

    /// <summary>Opens below <paramref name="root"/>, making the directories 0700; what a crash left half-written is deleted.</summary>
    public static ContentStore Open(string root, ILogger log)
    {
        var store = new ContentStore(root, log);
        PrivateDirectory.Create(store._blobs);
        if (Directory.Exists(store.IngestDirectory)) Directory.Delete(store.IngestDirectory, true);
        PrivateDirectory.Create(store.IngestDirectory);
        foreach (var file in new DirectoryInfo(store._blobs).EnumerateFiles()) store.Load(file);
        return store;
    }

    public bool Contains(Digest digest) => _sizes.ContainsKey(digest);

    /// <summary>Commits a document; the digest is of these bytes or the call is a bug. Returns after it is durable.</summary>
    public void Put(Digest digest, ReadOnlySpan<byte> content)
    {
        if (Contains(digest)) return;
        if (Digest.FromHash(SHA256.HashData(content)) != digest)
            throw new ArgumentException("content does not have this digest", nameof(digest));
        DurableFile.Write(PathOf(digest), content);
        _sizes[digest] = content.Length;
    }

    /// <summary>
    /// The verified bytes; null when the blob is absent or no longer has its digest (then it is deleted, to be fetched anew).
    /// </summary>
    public byte[]? Read(Digest digest)
    {
        if (!Contains(digest)) return null;
        try
        {
            var content = File.ReadAllBytes(PathOf(digest));
            if (Digest.FromHash(SHA256.HashData(content)) == digest) return content;
            _log.LogError("Blob {Digest} no longer has its digest: deleted, it will be fetched anew", digest);
            Delete(digest);
        }
        catch (FileNotFoundException)
        {
            _sizes.TryRemove(digest, out _);
        }

        return null;
    }

    public void Delete(Digest digest)
    {
        var isKnown = _sizes.TryRemove(digest, out var size);
        try
        {
            File.Delete(PathOf(digest));
        }
        catch
        {
            if (isKnown) _sizes.TryAdd(digest, size); // still there: the next collection must find it
            throw;
        }
    }

    private void Load(FileInfo file)
    {
        if (Digest.TryParse("sha256:" + file.Name, out var digest)) _sizes[digest] = file.Length;
        else file.Delete();
    }

    private string PathOf(Digest digest) => Path.Combine(_blobs, digest.Hex);
}
