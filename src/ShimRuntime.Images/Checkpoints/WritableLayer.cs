using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// What a container has changed of its image, out of its writable layer and into another one: the rootfs-diff.tar and deleted.files of a
/// checkpoint archive, as podman and CRI-O have them.
/// </summary>
public static class WritableLayer
{
    /// <summary>
    /// Writes what the layer holds as a tar. The container stands still meanwhile. Returns what it hides of the image: absolute paths.
    /// </summary>
    /// <param name="maxBytes">A container's sparse files may be larger than the disk: more is refused with ResourceExhausted.</param>
    /// <exception cref="RuntimeFault">ResourceExhausted, or FailedPrecondition for what an archive can't say.</exception>
    public static async Task<IReadOnlyList<string>> ExportAsync(Snapshot snapshot, Stream output, long maxBytes, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        try
        {
            using var export = new LayerExport(snapshot, new TarOutput(output, maxBytes), cancellation);
            return await export.RunAsync().ConfigureAwait(false);
        }
        catch (TarFormatException e)
        {
            throw new RuntimeFault(FaultCode.ResourceExhausted, $"failed to archive the container's files: {e.Message}", e);
        }
    }

    /// <summary>
    /// Fills a new, unmounted writable layer. The tar is hostile: no member leaves the layer, and limits hold as for an image's layer.
    /// </summary>
    /// <param name="deleted">Paths of the image to hide.</param>
    /// <exception cref="RuntimeFault">InvalidArgument: the archive is refused. ResourceExhausted: the disk is full.</exception>
    public static async Task ImportAsync(
        Snapshot snapshot, Stream tar, IReadOnlyList<string> deleted, long maxBytes, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(deleted);
        var limits = new LayerLimits();
        using var root = SafeDirFd.Open(snapshot.UpperDir);
        using var applier = new LayerApplier(root, limits with { MaxTotalBytes = maxBytes, MaxFileBytes = Math.Min(maxBytes, limits.MaxFileBytes) });
        await applier.ApplyAsync(tar, cancellation).ConfigureAwait(false);
        foreach (var path in deleted) applier.Hide(path);
        if (applier.HidesAllBelow)
            throw RuntimeFault.InvalidArgument("failed to unpack the checkpoint's files: they hide the whole image; the archive is refused");
        applier.Complete(snapshot.LowerDirs, cancellation);
    }
}
