using static ShimRuntime.Cri.V1.MetricType;

namespace ShimRuntime.Runtime.Metrics;

/// <content>The writable layer, and I/O by device.</content>
internal static partial class MetricCatalog
{
    public static readonly MetricDefinition FsUsage = new(
        "container_fs_usage_bytes", "Bytes that the writable layer occupies.", Gauge, "device");

    public static readonly MetricDefinition FsLimit = new(
        "container_fs_limit_bytes", "Size of the file system of the writable layer, in bytes.", Gauge, "device");

    public static readonly MetricDefinition FsInodesFree = new(
        "container_fs_inodes_free", "Free inodes of the file system of the writable layer.", Gauge, "device");

    public static readonly MetricDefinition FsInodesTotal = new(
        "container_fs_inodes_total", "Inodes of the file system of the writable layer.", Gauge, "device");

    public static readonly MetricDefinition FsReads = new(
        "container_fs_reads_total", "Reads completed.", Counter, "device");

    public static readonly MetricDefinition FsReadsBytes = new(
        "container_fs_reads_bytes_total", "Bytes read.", Counter, "device");

    public static readonly MetricDefinition FsWrites = new(
        "container_fs_writes_total", "Writes completed.", Counter, "device");

    public static readonly MetricDefinition FsWritesBytes = new(
        "container_fs_writes_bytes_total", "Bytes written.", Counter, "device");

    public static readonly MetricDefinition BlkioUsage = new(
        "container_blkio_device_usage_total",
        "Bytes read from and written to a block device.", Counter, "device", "major", "minor", "operation");

    private static readonly MetricDefinition[] DiskGroup =
    [
        FsUsage, FsLimit, FsInodesFree, FsInodesTotal, FsReads, FsReadsBytes, FsWrites, FsWritesBytes, BlkioUsage,
    ];
}
