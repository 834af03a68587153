using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// ImageFsInfo from bookkeeping: every commit recorded what it holds, so nothing walks the disk. kubelet takes the capacity from the mount
/// point itself.
/// </summary>
internal sealed class ImageFilesystem(string root, ContentStore content, ILayerStore layers, ISnapshotStore snapshots)
{
    public ImageFilesystemUsage Usage()
    {
        var bytes = content.UsedBytes;
        long inodes = content.Count;
        foreach (var layer in layers.ChainIds().Select(layers.Usage).OfType<LayerUsage>())
        {
            bytes += layer.Bytes;
            inodes += layer.Inodes;
        }

        foreach (var snapshot in snapshots.Keys().Select(snapshots.Usage).OfType<SnapshotUsage>())
        {
            bytes += snapshot.UsedBytes;
            inodes += snapshot.InodesUsed;
        }

        var mountpoint = MountTable.Read().Holding(root)?.Target ?? "/";
        return new ImageFilesystemUsage(mountpoint, bytes, inodes, DateTimeOffset.UtcNow);
    }
}
