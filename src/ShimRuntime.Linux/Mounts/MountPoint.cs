using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// mount(2) and umount2(2) in the caller's mount namespace. Targets are paths that this runtime made itself: the last component is
/// never followed on unmount, and a path that a container can change must be opened first (<see cref="SafeDirFd"/>) and given as
/// <see cref="SafeDirFd.ProcPath"/>. Every call throws <see cref="LinuxException"/> with the errno.
/// </summary>
public static unsafe class MountPoint
{
    private const int MNT_DETACH = 2;
    private const int UMOUNT_NOFOLLOW = 8;
    private const int UnmountRounds = 4;

    /// <summary>mount(2) as it is; <paramref name="options"/> are the file system's own, comma separated.</summary>
    public static void Mount(string source, string target, string? type, MountFlags flags, string? options = null)
    {
        using var from = new CString(source);
        using var to = new CString(target);
        using var kind = new CString(type);
        using var data = new CString(options);
        if (mount(from.Pointer, to.Pointer, kind.Pointer, (Tmds.Linux.ulong_t)(ulong)flags, data.Pointer) < 0)
        {
            throw new LinuxException("mount", errno, target);
        }
    }

    /// <summary>
    /// Bind-mounts a file or directory. Flags other than <see cref="MountFlags.Recursive"/> need a second call, because the kernel ignores
    /// them in the first (mount(2), "Creating a bind mount"); when that fails the bind is taken away again.
    /// </summary>
    public static void Bind(string source, string target, MountFlags flags = MountFlags.None)
    {
        Mount(source, target, null, MountFlags.Bind | (flags & MountFlags.Recursive));
        if ((flags & ~(MountFlags.Recursive | MountFlags.Bind)) == 0) return;
        try
        {
            Mount("none", target, null, MountFlags.Remount | MountFlags.Bind | (flags & ~MountFlags.Recursive));
        }
        catch
        {
            Unmount(target, lazy: true);
            throw;
        }
    }

    /// <summary>A tmpfs with nosuid, nodev and the given extra flags.</summary>
    /// <param name="mode">Permission bits of its root, such as 0x3FF (01777).</param>
    public static void Tmpfs(string target, long sizeBytes, uint mode, MountFlags flags = MountFlags.None) =>
        Mount("tmpfs", target, "tmpfs", MountFlags.NoSuid | MountFlags.NoDev | flags, $"size={sizeBytes},mode={Convert.ToString(mode, 8)}");

    /// <summary>Changes the propagation type of one mount, or of the whole tree below it.</summary>
    public static void SetPropagation(string target, MountPropagation propagation, bool recursive = false) =>
        Mount("none", target, null, (MountFlags)propagation | (recursive ? MountFlags.Recursive : MountFlags.None));

    /// <summary>
    /// Takes the topmost mount at <paramref name="target"/> away. False when nothing is mounted there or the path does not exist; EBUSY
    /// is thrown unless <paramref name="lazy"/>, which detaches now and lets the kernel finish when the last user goes (MNT_DETACH).
    /// </summary>
    public static bool Unmount(string target, bool lazy = false)
    {
        using var path = new CString(target);
        if (umount2(path.Pointer, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return true;
        var error = errno;
        return error is Errno.EINVAL or Errno.ENOENT ? false : throw new LinuxException("umount2", error, target);
    }

    /// <summary>
    /// Takes away every mount at or below <paramref name="directory"/>, youngest first; a busy one is detached lazily, so this never waits.
    /// Returns how many were there. Stacked mounts at one path are all taken.
    /// </summary>
    public static int UnmountBelow(string directory)
    {
        var taken = 0;
        for (var round = 0; round < UnmountRounds; round++)
        {
            var mounts = MountTable.Read().Below(directory);
            if (mounts.Count == 0) return taken;
            foreach (var mount in mounts.Reverse())
            {
                if (UnmountOrDetach(mount.Target)) taken++;
            }
        }

        var left = MountTable.Read().Below(directory);
        return left.Count == 0 ? taken : throw new LinuxException("umount2", Errno.EBUSY, left[0].Target);
    }

    private static bool UnmountOrDetach(string target)
    {
        try
        {
            return Unmount(target);
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.EBUSY)
        {
            return Unmount(target, lazy: true);
        }
    }
}
