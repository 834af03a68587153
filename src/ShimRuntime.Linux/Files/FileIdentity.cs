using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Which file it is, whatever its names: device and inode number (inode(7)). Nobody else's while it is open, run or linked.</summary>
public readonly record struct FileIdentity(ulong Device, ulong Inode)
{
    /// <summary>Follows symbolic links, those of /proc/[pid]/exe included; null when there is no such file.</summary>
    public static unsafe FileIdentity? TryRead(string path)
    {
        using var name = new CString(path);
        Tmds.Linux.stat status;
        return stat(name.Pointer, &status) == 0 ? new FileIdentity((ulong)status.st_dev, (ulong)status.st_ino) : null;
    }
}
