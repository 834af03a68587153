using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Leaves the host's file system behind: pivot_root(2) into an empty, read-only tmpfs.</summary>
public static unsafe partial class EmptyRoot
{
    private const nint SysPivotRoot = 155; // x86-64

    /// <summary>
    /// Only in a mount namespace of one's own. Mounts the tmpfs on the directory <paramref name="place"/>, makes it the root of every thread
    /// of the process and detaches the old one. Files that are open or mapped stay reachable until execve(2).
    /// </summary>
    public static void Enter(string place)
    {
        MountPoint.SetPropagation("/", MountPropagation.Private, recursive: true);
        MountPoint.Mount("tmpfs", place, "tmpfs", MountFlags.ReadOnly | MountFlags.NoSuid | MountFlags.NoDev | MountFlags.NoExec, "size=0,nr_inodes=1,mode=555");
        ChangeDirectory(place);
        fixed (byte* here = "."u8)
        {
            // Both arguments the same: the old root ends up mounted over the new one at "/", and is detached from there (pivot_root(2), NOTES).
            if (PivotRoot(SysPivotRoot, here, here) < 0) throw LinuxException.Last("pivot_root", place);
        }

        _ = MountPoint.Unmount(".", lazy: true);
        ChangeDirectory("/");
    }

    private static void ChangeDirectory(string path)
    {
        using var name = new CString(path);
        if (chdir(name.Pointer) < 0) throw new LinuxException("chdir", errno, path);
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint PivotRoot(nint number, byte* newRoot, byte* oldRoot);
}
