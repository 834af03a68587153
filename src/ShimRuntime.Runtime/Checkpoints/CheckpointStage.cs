using System.Text;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.ShimProtocol.V1;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// One container's part of a checkpoint, read into a directory of ours while the container stands still: what changes once it goes on.
/// The directory outlives a caller's patience: CRIU may write into it until runc has ended.
/// </summary>
internal sealed class CheckpointStage : IAsyncDisposable
{
    public const string Images = "checkpoint";
    public const string RootfsDiff = "rootfs-diff.tar";
    public const string Log = "container.log";
    private const int CopyBytes = 1 << 20;
    private readonly ContainerParts _parts;
    private Task _dump = Task.CompletedTask;

    private CheckpointStage(ContainerParts parts, ContainerEntry entry, string directory) =>
        (_parts, Entry, DirectoryPath) = (parts, entry, directory);

    public ContainerEntry Entry { get; }

    public string DirectoryPath { get; }

    /// <summary>Paths of the image that the container has deleted.</summary>
    public IReadOnlyList<string> Deleted { get; private set; } = [];

    public static CheckpointStage Create(ContainerParts parts, ContainerEntry entry) =>
        new(parts, entry, parts.Files.MakeStaging());

    /// <summary>Processes, files, log. The container is held.</summary>
    /// <exception cref="ShimProtocol.ShimFault">CRIU refused, or the shim is gone.</exception>
    public async Task FillAsync(CancellationToken deadline)
    {
        var shim = Entry.Shim ?? throw new ShimProtocol.ShimFault(FaultCode.Unavailable, "its shim is gone");
        // Not under the deadline: runc is not ended in the middle of a process that CRIU has its hands in.
        _dump = shim.CheckpointAsync(
            new CheckpointRequest { ImageDirectory = PathOf(Images), WorkDirectory = DirectoryPath }, _parts.Stopping);
        await _dump.WaitAsync(deadline).ConfigureAwait(false);
        await WriteRootfsAsync(deadline).ConfigureAwait(false);
        await CopyLogAsync(deadline).ConfigureAwait(false);
    }

    public string PathOf(string name) => Path.Combine(DirectoryPath, name);

    /// <summary>At once when nobody writes there any more, else as soon as runc has ended.</summary>
    public ValueTask DisposeAsync()
    {
        if (_dump.IsCompleted) ContainerFiles.DeleteStaging(DirectoryPath);
        else _ = _dump.ContinueWith(_ => ContainerFiles.DeleteStaging(DirectoryPath), TaskScheduler.Default);
        return ValueTask.CompletedTask;
    }

    private async Task WriteRootfsAsync(CancellationToken deadline)
    {
        var snapshot = _parts.Snapshots.Find(Entry.Record.SnapshotKey)
            ?? throw RuntimeFault.FailedPrecondition($"failed to checkpoint container '{Entry.Id}': its writable layer is gone");
        await using var file = NewFile(RootfsDiff);
        Deleted = await WritableLayer.ExportAsync(snapshot, file, RoomBytes(), deadline).ConfigureAwait(false);
    }

    /// <summary>As much as is there now. Opened as the shim opens it, never through a link.</summary>
    private async Task CopyLogAsync(CancellationToken deadline)
    {
        var directory = _parts.Sandboxes.Find(Entry.Record.SandboxId)?.Config.LogDirectory ?? "";
        if (Entry.Record.LogPath.Length == 0 || !Directory.Exists(directory)) return;
        using var root = SafeDirFd.Open(directory);
        const ResolveFlags Inside = ResolveFlags.Beneath | ResolveFlags.NoSymlinks;
        using var log = root.TryOpen(Encoding.UTF8.GetBytes(Entry.Config.LogPath), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, Inside);
        if (log is null || FileMetadata.Stat(log) is not { Kind: FileKind.Regular, SizeBytes: var size }) return;
        await using var copy = NewFile(Log);
        var buffer = new byte[CopyBytes];
        for (var at = 0L; at < Math.Min(size, RoomBytes());)
        {
            var next = buffer.AsMemory(0, (int)Math.Min(CopyBytes, size - at));
            var count = await RandomAccess.ReadAsync(log, next, at, deadline).ConfigureAwait(false);
            if (count == 0) return;
            await copy.WriteAsync(buffer.AsMemory(0, count), deadline).ConfigureAwait(false);
            at += count;
        }
    }

    private long RoomBytes() => FilesystemSpace.Of(DirectoryPath).HalfOfAvailableBytes;

    private FileStream NewFile(string name) => new(PathOf(name), new FileStreamOptions
    {
        Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = CopyBytes, Options = FileOptions.Asynchronous,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    });
}
