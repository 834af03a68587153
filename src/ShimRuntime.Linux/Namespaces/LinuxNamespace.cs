using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>unshare(2), setns(2) and pins. The first two change the calling thread for good: only inside <see cref="NamespaceThread"/>.</summary>
public static unsafe class LinuxNamespace
{
    /// <summary>New namespaces for this thread; of a PID namespace, for the children that it starts.</summary>
    public static void Unshare(NamespaceKinds kinds)
    {
        if (unshare((int)kinds) < 0) throw new LinuxException("unshare", errno, kinds.ToString());
    }

    /// <summary>Moves this thread into the namespace at <paramref name="path"/> (a pin or /proc/&lt;pid&gt;/ns/&lt;kind&gt;) of the given kind.</summary>
    public static void Enter(string path, NamespaceKinds kind)
    {
        using var name = new CString(path);
        var fd = open(name.Pointer, O_RDONLY | O_CLOEXEC);
        if (fd < 0) throw new LinuxException("open", errno, path);
        var failed = setns(fd, (int)kind) < 0;
        var error = errno;
        _ = close(fd);
        if (failed) throw new LinuxException("setns", error, path);
    }

    /// <summary>
    /// Keeps the namespace at <paramref name="source"/> alive by a bind mount on a new file at <paramref name="pin"/>. The file is
    /// taken away again when the mount fails.
    /// </summary>
    public static void Pin(string source, string pin)
    {
        using var name = new CString(pin);
        var fd = open(name.Pointer, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)0x124u);
        if (fd < 0) throw new LinuxException("open", errno, pin);
        _ = close(fd);
        try
        {
            MountPoint.Bind(source, pin);
        }
        catch
        {
            File.Delete(pin);
            throw;
        }
    }

    /// <summary>Lets go of a pin and deletes its file; one that is not there is no error. Never waits.</summary>
    public static void Unpin(string pin)
    {
        while (MountPoint.Unmount(pin, lazy: true))
        {
        }

        File.Delete(pin);
    }

    /// <summary>True while a namespace is mounted at <paramref name="pin"/>: its file system is nsfs.</summary>
    public static bool IsPinned(string pin)
    {
        const long nsfsMagic = 0x6e736673; // linux/magic.h
        Span<long> buffer = stackalloc long[32]; // struct statfs is 120 bytes and begins with f_type
        using var name = new CString(pin);
        fixed (long* first = buffer) return LibcCalls.statfs(name.Pointer, first) == 0 && buffer[0] == nsfsMagic;
    }

    /// <summary>The inode that names a namespace, such as 4026531840; 0 when there is none at the path.</summary>
    public static ulong Identity(string path)
    {
        using var name = new CString(path);
        stat status;
        return stat(name.Pointer, &status) == 0 ? (ulong)status.st_ino : 0;
    }
}
