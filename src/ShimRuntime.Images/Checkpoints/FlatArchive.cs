using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Reads an archive of regular files, such as a checkpoint's, into a directory of ours. It is hostile: a name is made of plain words, so
/// none leads out; links, devices and second members of one name are refused; a limit holds for all of it.
/// </summary>
public static partial class FlatArchive
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const int MaxDepth = 6;
    private const int MaxEntries = 20_000;

    /// <summary>Plain, gzip or zstd. Files are 0600. Returns them by name.</summary>
    /// <param name="directory">Empty, 0700; its contents are the caller's to delete, also after a refusal.</param>
    /// <exception cref="InvalidDataException">The archive is refused: the message is the reason.</exception>
    /// <exception cref="RuntimeFault">ResourceExhausted: the disk is full.</exception>
    public static async Task<IReadOnlyDictionary<string, ArchivedFile>> UnpackAsync(
        Stream archive, string directory, long maxBytes, CancellationToken cancellation)
    {
        var files = new SortedDictionary<string, ArchivedFile>(StringComparer.Ordinal);
        var directories = new HashSet<string>(StringComparer.Ordinal);
        var limits = new LayerLimits { MaxEntries = MaxEntries, MaxSparseRegions = 0, MaxTotalBytes = maxBytes, MaxFileBytes = maxBytes };
        try
        {
            await using var plain = await Decompressor.OpenAsync(archive, cancellation).ConfigureAwait(false);
            await using var input = new TarInput(plain, maxBytes, cancellation);
            var tar = new TarReader(input, limits);
            while (await tar.NextAsync().ConfigureAwait(false) is { } entry)
            {
                var name = NameOf(entry);
                if (entry.Kind == TarEntryKind.Directory) continue; // made with their files
                if (entry.Kind != TarEntryKind.File) throw new InvalidDataException($"'{name}' is neither a file nor a directory");
                Enter(name, files, directories);
                files[name] = await StoreAsync(tar, Path.Combine(directory, name), cancellation).ConfigureAwait(false);
            }

            await input.DrainAsync().ConfigureAwait(false);
            return files;
        }
        catch (Exception e) when (e is TarFormatException or ZstdSharp.ZstdException or EndOfStreamException)
        {
            throw new InvalidDataException(e.Message, e);
        }
        catch (IOException e) when (DiskFull.IsCauseOf(e))
        {
            throw DiskFull.Fault("unpack the archive", e);
        }
    }

    private static async Task<ArchivedFile> StoreAsync(TarReader tar, string path, CancellationToken cancellation)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, OwnerOnly);
        await using var file = new FileStream(path, options);
        while (await tar.ReadDataAsync().ConfigureAwait(false) is { } data)
        {
            hash.AppendData(data.Bytes.Span);
            await file.WriteAsync(data.Bytes, cancellation).ConfigureAwait(false);
        }

        return new ArchivedFile(Convert.ToHexStringLower(hash.GetHashAndReset()), file.Length);
    }

    /// <summary>One name is one file, and no file is a directory as well.</summary>
    private static void Enter(string name, SortedDictionary<string, ArchivedFile> files, HashSet<string> directories)
    {
        if (files.ContainsKey(name) || directories.Contains(name)) throw new InvalidDataException($"'{name}' stands in the archive twice");
        for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1))
        {
            if (files.ContainsKey(name[..slash])) throw new InvalidDataException($"'{name[..slash]}' is a file and a directory at once");
            directories.Add(name[..slash]);
        }
    }

    private static string NameOf(TarEntry entry)
    {
        var name = Encoding.Latin1.GetString(entry.Name).TrimEnd('/');
        while (name.StartsWith("./", StringComparison.Ordinal)) name = name[2..];
        if (name is "" or "." && entry.Kind == TarEntryKind.Directory) return "";
        var words = name.Split('/');
        if (words.Length <= MaxDepth && words.All(w => Word().IsMatch(w))) return name;
        throw new InvalidDataException($"member name '{PathBytes.Display(entry.Name)}' leads out of the archive, or is none that a checkpoint has");
    }

    /// <summary>Never "." or "..", nothing hidden, nothing to escape.</summary>
    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9_.+@:-]{0,199}\z")]
    private static partial Regex Word();
}
