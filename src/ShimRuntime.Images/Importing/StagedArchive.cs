using System.Security.Cryptography;
using System.Text;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// The files of an image archive on disk, hashed as they came: layers may stand before the manifest that names them. Names are keys and
/// never paths; each file is staged under a number. Disposed, everything is deleted; after a crash the next start deletes it.
/// </summary>
internal sealed class StagedArchive : IAsyncDisposable
{
    public const int MaxDocumentBytes = RegistryClient.MaxManifestBytes;
    private const long MaxDocumentsBytes = 64L << 20; // of all documents that are asked for: few bytes can name one blob many times
    private const int MaxLinkHops = 8;
    private static readonly LayerLimits Limits = new() { MaxEntries = 20_000, MaxDepth = 16, MaxSparseRegions = 0 };
    private static readonly UTF8Encoding StrictUtf8 = new(false, true);
    private readonly string _directory;
    private readonly Dictionary<string, StagedFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);
    private long _documentsBytes;

    private StagedArchive(string directory) => _directory = directory;

    /// <summary>
    /// Reads the whole archive, plain, gzip or zstd. Throws <see cref="InvalidDataException"/> or <see cref="TarFormatException"/> for what
    /// is no image archive.
    /// </summary>
    public static async Task<StagedArchive> ReadAsync(Stream archive, string ingestDirectory, CancellationToken cancellation)
    {
        var staged = new StagedArchive(Path.Combine(ingestDirectory, Guid.NewGuid().ToString("N")));
        try
        {
            PrivateDirectory.Create(staged._directory);
            await using var plain = await Decompressor.OpenAsync(archive, cancellation).ConfigureAwait(false);
            await using var input = new TarInput(plain, Limits.MaxTotalBytes, cancellation);
            var tar = new TarReader(input, Limits);
            while (await tar.NextAsync().ConfigureAwait(false) is { } entry)
                await staged.AddAsync(tar, entry, cancellation).ConfigureAwait(false);
            return staged;
        }
        catch
        {
            await staged.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// A file by name, through the links that `docker save` writes for layers that images share; null: not in the archive.
    /// </summary>
    public StagedFile? Find(string name)
    {
        for (var hops = 0; hops <= MaxLinkHops; hops++)
        {
            if (_files.TryGetValue(name, out var file)) return file;
            if (!_links.TryGetValue(name, out var target)) return null;
            name = target;
        }

        throw new InvalidDataException($"'{name}' is a link through more than {MaxLinkHops} links");
    }

    /// <summary>A JSON document of the archive, of bounded size; null: not in the archive.</summary>
    public byte[]? Document(string name)
    {
        if (Find(name) is not { } file) return null;
        if (file.SizeBytes > MaxDocumentBytes) throw new InvalidDataException($"'{name}' is larger than {MaxDocumentBytes} bytes");
        if ((_documentsBytes += file.SizeBytes) > MaxDocumentsBytes)
            throw new InvalidDataException($"its documents are larger than {MaxDocumentsBytes} bytes together");
        return File.ReadAllBytes(file.Path);
    }

    public ValueTask DisposeAsync()
    {
        if (Directory.Exists(_directory)) Directory.Delete(_directory, true);
        return ValueTask.CompletedTask;
    }

    private async Task AddAsync(TarReader tar, TarEntry entry, CancellationToken cancellation)
    {
        if (entry.Kind is TarEntryKind.Directory) return;
        var name = Name(entry.Name);
        if (_files.ContainsKey(name) || _links.ContainsKey(name)) throw new InvalidDataException($"'{name}' stands in the archive twice");
        switch (entry.Kind)
        {
            case TarEntryKind.File:
                _files[name] = await StageAsync(tar, cancellation).ConfigureAwait(false);
                break;
            case TarEntryKind.HardLink:
                _links[name] = Name(entry.LinkTarget);
                break;
            case TarEntryKind.Symlink:
                _links[name] = Sound(Relative(name, Text(entry.LinkTarget)));
                break;
            default:
                throw new InvalidDataException($"'{name}' is a device or a pipe");
        }
    }

    private async Task<StagedFile> StageAsync(TarReader tar, CancellationToken cancellation)
    {
        var path = Path.Combine(_directory, _files.Count.ToString(System.Globalization.CultureInfo.InvariantCulture));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, true);
        while (await tar.ReadDataAsync().ConfigureAwait(false) is { } data)
        {
            hash.AppendData(data.Bytes.Span);
            await file.WriteAsync(data.Bytes, cancellation).ConfigureAwait(false);
        }

        return new StagedFile(path, file.Length, Digest.FromHash(hash.GetHashAndReset()));
    }

    private static string Name(byte[] bytes) => Sound(Text(bytes));

    private static string Text(byte[] bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException("a name in the archive is not UTF-8");
        }
    }

    /// <summary>A name without "./" before it, inside the archive.</summary>
    private static string Sound(string name)
    {
        while (name.StartsWith("./", StringComparison.Ordinal)) name = name[2..];
        var sound = name.Length > 0
            && name[0] != '/' && name.Split('/').All(part => part is not ("" or "." or "..")) && !name.Any(char.IsControl);
        return sound ? name : throw new InvalidDataException("a name in the archive leads out of it, or is none");
    }

    /// <summary>A symlink's target as a name of the archive: ".." is resolved by text, there is no tree.</summary>
    private static string Relative(string link, string target)
    {
        var parts = new Stack<string>(link.Split('/')[..^1]);
        foreach (var part in target.Split('/'))
        {
            if (part == ".") continue;
            if (part != "..") parts.Push(part);
            else if (!parts.TryPop(out _)) throw new InvalidDataException($"link '{link}' leads out of the archive");
        }

        return string.Join('/', parts.Reverse());
    }
}

/// <summary>One staged file.</summary>
internal sealed record StagedFile(string Path, long SizeBytes, Digest Digest)
{
    public FileStream Open() =>
        new(Path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
}
