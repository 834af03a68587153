using System.Text;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// A checkpoint archive, unpacked into a directory of ours and judged. Unless the operator has said otherwise it has to carry the seal of
/// this node's key: see <see cref="CheckpointSeal"/>.
/// </summary>
internal sealed class RestoreArchive : IDisposable
{
    private readonly ContainerFiles _files;

    private RestoreArchive(ContainerFiles files, string directory) => (_files, DirectoryPath) = (files, directory);

    public string DirectoryPath { get; }

    /// <summary>Every file, by name.</summary>
    public IReadOnlyDictionary<string, ArchivedFile> Contents { get; private set; } = new Dictionary<string, ArchivedFile>();

    /// <param name="source">With the request's field, for refusals.</param>
    /// <exception cref="RuntimeFault">NotFound, InvalidArgument: not an archive that is restored. FailedPrecondition: not sealed by this node.</exception>
    public static async Task<RestoreArchive> OpenAsync(
        (string Field, string Path) source, string failure, (ContainerFiles Files, bool Unsealed) terms, CancellationToken cancellation)
    {
        CheckpointTarget.CheckPath(source, failure);
        var named = $"{failure}: {source.Field} '{ContainerPath.Show(source.Path)}'";
        await using var file = OpenFile(source.Path, named);
        var archive = new RestoreArchive(terms.Files, terms.Files.MakeStaging());
        try
        {
            var room = FilesystemSpace.Of(archive.DirectoryPath).HalfOfAvailableBytes;
            archive.Contents = await FlatArchive.UnpackAsync(file, archive.DirectoryPath, room, cancellation).ConfigureAwait(false);
            if (!terms.Unsealed) archive.CheckSeal($"{failure}: checkpoint '{ContainerPath.Show(source.Path)}'");
            return archive;
        }
        catch (InvalidDataException e)
        {
            archive.Dispose();
            throw RuntimeFault.InvalidArgument($"{named} is no checkpoint archive that is restored: {e.Message}");
        }
        catch (RuntimeFault e)
        {
            archive.Dispose();
            throw e.Message.StartsWith(failure, StringComparison.Ordinal) ? e : new RuntimeFault(e.Code, $"{failure}: {e.Message}", e);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    public void Dispose() => ContainerFiles.DeleteStaging(DirectoryPath);

    private void CheckSeal(string failure)
    {
        var path = Path.Combine(DirectoryPath, CheckpointSeal.FileName);
        var key = _files.Paths.CheckpointKey;
        const string Why = "CRIU does with the host's rights what an archive says";
        if (!File.Exists(path))
        {
            throw RuntimeFault.FailedPrecondition($"{failure} is not sealed ({Why}): another runtime wrote it; set restore_unsealed to restore "
                + "what others wrote");
        }

        var seal = new CheckpointSeal(key);
        if (new FileInfo(path).Length <= Contents.Count * 512L && seal.Holds(Contents, File.ReadAllBytes(path))) return;
        throw RuntimeFault.FailedPrecondition($"{failure} was changed after it was written, or sealed with another key than '{key}' ({Why}); "
            + "give this node the key of the one that wrote it");
    }

    /// <summary>A regular file and nothing that blocks; links on the way are the caller's, who is root.</summary>
    private static FileStream OpenFile(string path, string named)
    {
        using var root = SafeDirFd.Open("/");
        var handle = TryOpen(root, path, named) ?? throw RuntimeFault.NotFound($"{named} is not there");
        if (FileMetadata.Stat(handle).Kind == FileKind.Regular) return new FileStream(handle, FileAccess.Read, 0, false);
        handle.Dispose();
        throw RuntimeFault.InvalidArgument($"{named} is no regular file");
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle? TryOpen(SafeDirFd root, string path, string named)
    {
        const int ReadOnlyNonBlocking = 0x800;
        try
        {
            return root.TryOpen(Encoding.UTF8.GetBytes(path[1..]), ReadOnlyNonBlocking, ResolveFlags.None);
        }
        catch (LinuxException e)
        {
            throw RuntimeFault.InvalidArgument($"{named} can't be read: {e.Message}");
        }
    }
}
