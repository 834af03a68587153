using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// A tar that appears whole or not at all: written beside its place under another name, 0600, synced, then renamed over what is there.
/// Disposed without <see cref="CommitAsync"/> it is deleted.
/// </summary>
public sealed class ArchiveFile : IAsyncDisposable
{
    private readonly string _path;
    private readonly string _temporary;
    private readonly FileStream _stream;
    private readonly TarOutput _tar;
    private readonly SortedDictionary<string, ArchivedFile> _files = new(StringComparer.Ordinal);
    private bool _committed;

    private ArchiveFile(string path, string temporary, FileStream stream)
    {
        (_path, _temporary, _stream) = (path, temporary, stream);
        _tar = new TarOutput(stream, long.MaxValue);
    }

    /// <summary>What was added so far, by name.</summary>
    public IReadOnlyDictionary<string, ArchivedFile> Files => _files;

    /// <summary>A new name beside the place, for <see cref="Create"/>: known before the file is there, so that a crash's remains can be found.</summary>
    public static string TemporaryFor(string path) =>
        Path.Combine(Path.GetDirectoryName(path)!, $".shimruntime-{Guid.NewGuid():N}.tmp");

    /// <param name="path">Absolute; its directory exists.</param>
    /// <exception cref="IOException">What open(2) says.</exception>
    public static ArchiveFile Create(string path, string temporary) => new(path, temporary, new FileStream(temporary, new FileStreamOptions
    {
        Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 1 << 20, Options = FileOptions.Asynchronous,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    }));

    public async Task AddDirectoryAsync(string name, CancellationToken cancellation) =>
        await _tar.WriteHeaderAsync(Entry(TarEntryKind.Directory, name + "/", 0), cancellation).ConfigureAwait(false);

    /// <summary>Content and size of a file that nobody writes to.</summary>
    public async Task AddFileAsync(string name, string path, CancellationToken cancellation)
    {
        using SafeFileHandle file = File.OpenHandle(path, options: FileOptions.SequentialScan);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var size = RandomAccess.GetLength(file);
        await _tar.WriteHeaderAsync(Entry(TarEntryKind.File, name, size), cancellation).ConfigureAwait(false);
        await _tar.WriteContentAsync(file, size, hash, cancellation).ConfigureAwait(false);
        _files[name] = new ArchivedFile(Convert.ToHexStringLower(hash.GetHashAndReset()), size);
    }

    public async Task AddBytesAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        await _tar.WriteHeaderAsync(Entry(TarEntryKind.File, name, content.Length), cancellation).ConfigureAwait(false);
        await _tar.WriteContentAsync(content, cancellation).ConfigureAwait(false);
        _files[name] = new ArchivedFile(Convert.ToHexStringLower(SHA256.HashData(content.Span)), content.Length);
    }

    /// <summary>Ends the archive and puts it in its place; it survives power loss when this returns.</summary>
    public async Task CommitAsync(CancellationToken cancellation)
    {
        await _tar.FinishAsync(cancellation).ConfigureAwait(false);
        await _stream.FlushAsync(cancellation).ConfigureAwait(false);
        await Task.Run(() => _stream.Flush(flushToDisk: true), cancellation).ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
        File.Move(_temporary, _path, overwrite: true);
        _committed = true;
        DurableFile.SyncDirectory(Path.GetDirectoryName(_path)!);
    }

    public async ValueTask DisposeAsync()
    {
        if (_committed) return;
        ScratchFile.Delete(_temporary);
        try
        {
            await _stream.DisposeAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // What a full disk did not take is not wanted any more.
        }
    }

    private static TarEntry Entry(TarEntryKind kind, string name, long sizeBytes) => new()
    {
        Kind = kind,
        Name = Encoding.UTF8.GetBytes(name),
        LinkTarget = [],
        Mode = kind == TarEntryKind.Directory ? 0x1C0u : 0x180u,
        Uid = 0,
        Gid = 0,
        ModifyTime = new FileTime(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), 0),
        SizeBytes = sizeBytes,
    };
}
