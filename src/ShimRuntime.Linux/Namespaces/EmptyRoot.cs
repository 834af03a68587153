using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Leaves the host's file system behind: pivot_root(2) into an empty, read-only tmpfs.</summary>
public static unsafe partial class EmptyRoot
{
    private const nint SysPivotRoot = 155; // x86-64
    private const nint SysMountSetattr = 442;
    private const int AT_FDCWD = -100;
    private const int AT_RECURSIVE = 0x8000;
    private const ulong MOUNT_ATTR_RDONLY = 1;
    private const int AttributesBytes = 32; // sizeof(struct mount_attr)

    /// <summary>
    /// Only in a mount namespace of one's own. Mounts the tmpfs on the empty directory <paramref name="place"/>, makes it the root and
    /// detaches the old one. Libraries that are mapped keep their files: the mounts that those came from are made read-only first, so
    /// that nobody who opens them through /proc/&lt;pid&gt;/map_files can write.
    /// </summary>
    public static void Enter(string place)
    {
        MountPoint.SetPropagation("/", MountPropagation.Private, recursive: true);
        MountPoint.Mount("tmpfs", place, "tmpfs", MountFlags.ReadOnly | MountFlags.NoSuid | MountFlags.NoDev | MountFlags.NoExec, "size=0,nr_inodes=1,mode=555");
        MakeReadOnly();
        ChangeDirectory(place);
        fixed (byte* here = "."u8)
        {
            // Both arguments the same: the old root ends up mounted over the new one at "/", and is detached from there (pivot_root(2), NOTES).
            if (PivotRoot(SysPivotRoot, here, here) < 0) throw LinuxException.Last("pivot_root", place);
        }

        _ = MountPoint.Unmount(".", lazy: true);
        ChangeDirectory("/");
    }

    /// <summary>Linux 5.12; before, the mapped files' mounts stay as they are.</summary>
    private static void MakeReadOnly()
    {
        var attributes = stackalloc ulong[AttributesBytes / sizeof(ulong)];
        new Span<byte>(attributes, AttributesBytes).Clear();
        attributes[0] = MOUNT_ATTR_RDONLY;
        fixed (byte* root = "/"u8)
        {
            if (MountSetattr(SysMountSetattr, AT_FDCWD, root, AT_RECURSIVE, attributes, AttributesBytes) < 0
                && Marshal.GetLastPInvokeError() is not (Errno.ENOSYS or Errno.EPERM)) throw LinuxException.Last("mount_setattr", "/");
        }
    }

    private static void ChangeDirectory(string path)
    {
        using var name = new CString(path);
        if (chdir(name.Pointer) < 0) throw new LinuxException("chdir", errno, path);
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint PivotRoot(nint number, byte* newRoot, byte* oldRoot);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint MountSetattr(nint number, int directory, byte* path, uint flags, ulong* attributes, nuint size);
}
