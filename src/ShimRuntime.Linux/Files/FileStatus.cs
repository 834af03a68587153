namespace ShimRuntime.Linux;

/// <summary>statx(2) of one inode, a symbolic link not followed.</summary>
/// <param name="Mode">Permission bits with set-id and sticky: the low twelve.</param>
/// <param name="AllocatedBytes">st_blocks × 512: what it occupies; holes don't count.</param>
public readonly record struct FileStatus(
    FileKind Kind, uint Mode, uint Uid, uint Gid, ulong Inode, uint LinkCount, long SizeBytes, long AllocatedBytes,
    FileTime AccessTime, FileTime ModifyTime, uint DeviceMajor, uint DeviceMinor, uint MountDeviceMajor, uint MountDeviceMinor)
{
    /// <summary>overlayfs's mark for a deleted name: a character device 0/0.</summary>
    public bool IsWhiteout => Kind == FileKind.CharacterDevice && DeviceMajor == 0 && DeviceMinor == 0;
}

/// <summary>Seconds since 1970, and nanoseconds 0…999,999,999 on top of them, also before 1970.</summary>
public readonly record struct FileTime(long Seconds, uint Nanoseconds);
