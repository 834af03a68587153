using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// An open directory. What is done beneath it is named by one <see cref="FileName"/>, or by a path that the kernel itself confines
/// (openat2(2)): no path is looked up twice, so nobody can exchange a component between a check and its use. Calls throw
/// <see cref="LinuxException"/> with the errno.
/// </summary>
public sealed unsafe partial class SafeDirFd : SafeHandleMinusOneIsInvalid
{
    private const int OpenAttempts = 64;
    private const int DirectoryFlags = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC, O_RDONLY

    private SafeDirFd(int fd) : base(true) => SetHandle(fd);

    /// <summary>
    /// "/proc/self/fd/N": this very directory as a path, for calls that take only paths; valid in this process while it is open.
    /// </summary>
    public string ProcPath => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{Fd}");

    /// <summary>Its number, for one who hands it on.</summary>
    public int Descriptor => Fd;

    internal int Fd => IsClosed ? throw new ObjectDisposedException(nameof(SafeDirFd)) : (int)handle;

    /// <summary>A directory that was opened by the program that this process ran before; owned from now on.</summary>
    public static SafeDirFd Inherit(int fd) => new(fd);

    /// <summary>Opens a directory that this runtime made; a symbolic link as the last component is refused (ELOOP or ENOTDIR).</summary>
    public static SafeDirFd Open(string path)
    {
        using var name = new CString(path);
        var fd = open(name.Pointer, DirectoryFlags | O_NOFOLLOW, default);
        return fd >= 0 ? new SafeDirFd(fd) : throw new LinuxException("open", errno, path);
    }

    /// <summary>Opens an entry that is a directory itself, never through a link. Null when there is none of that name.</summary>
    public SafeDirFd? TryOpenDirectory(FileName name)
    {
        fixed (byte* path = name.Terminated)
        {
            var fd = OpenAt2(path, DirectoryFlags | O_NOFOLLOW, 0, ResolveFlags.Beneath | ResolveFlags.NoSymlinks);
            if (fd >= 0) return new SafeDirFd(fd);
            return errno == Errno.ENOENT ? null : throw new LinuxException("openat2", errno, name.ToString());
        }
    }

    /// <inheritdoc cref="TryOpenDirectory(FileName)"/>
    public SafeDirFd OpenDirectory(FileName name) =>
        TryOpenDirectory(name) ?? throw new LinuxException("openat2", Errno.ENOENT, name.ToString());

    /// <summary>A directory by a path, confined as <paramref name="resolve"/> says. Null when a component is missing.</summary>
    public SafeDirFd? TryOpenDirectory(ReadOnlySpan<byte> path, ResolveFlags resolve)
    {
        var fd = TryOpenFd(path, DirectoryFlags, resolve);
        return fd >= 0 ? new SafeDirFd(fd) : null;
    }

    /// <summary>
    /// openat2(2) of an existing file beneath this directory. Null when a component is missing (ENOENT, ENOTDIR); a path that would
    /// leave throws EXDEV, a forbidden link ELOOP.
    /// </summary>
    /// <param name="flags">O_RDONLY, O_PATH, O_NONBLOCK, …, not O_CREAT; O_CLOEXEC and O_NOCTTY are added.</param>
    public SafeFileHandle? TryOpen(ReadOnlySpan<byte> path, int flags, ResolveFlags resolve)
    {
        var fd = TryOpenFd(path, flags, resolve);
        return fd >= 0 ? new SafeFileHandle(fd, true) : null;
    }

    /// <summary>Opens the entry for reading, never through a link and never blocking on a fifo. Null when there is none.</summary>
    public SafeFileHandle? TryOpenFile(FileName name) =>
        TryOpen(name.Bytes, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, ResolveFlags.Beneath | ResolveFlags.NoSymlinks);

    /// <summary>A second descriptor of the same directory, owned by the caller.</summary>
    public SafeDirFd Duplicate()
    {
        var fd = fcntl(Fd, F_DUPFD_CLOEXEC, 3);
        return fd >= 0 ? new SafeDirFd(fd) : throw new LinuxException("fcntl F_DUPFD_CLOEXEC", errno);
    }

    /// <summary>syncfs(2): everything written to the file system that holds this directory is on disk when this returns.</summary>
    public void SyncFilesystem()
    {
        if (syncfs(Fd) < 0) throw new LinuxException("syncfs", errno);
    }

    /// <summary>fsync(2): the names in this directory are on disk when this returns.</summary>
    public void Sync()
    {
        if (fsync(Fd) < 0) throw new LinuxException("fsync", errno);
    }

    protected override bool ReleaseHandle() => close((int)handle) == 0;

    private int TryOpenFd(ReadOnlySpan<byte> path, int flags, ResolveFlags resolve)
    {
        using var name = new CBytes(path.IsEmpty ? "."u8 : path);
        var added = (flags & O_PATH) != 0 ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY; // openat2 refuses flags that mean nothing to O_PATH
        var fd = OpenAt2(name.Pointer, flags | added, 0, resolve);
        if (fd >= 0) return fd;
        var error = errno;
        return error is Errno.ENOENT or Errno.ENOTDIR ? -1 : throw new LinuxException("openat2", error, PathBytes.Display(path));
    }

    // EAGAIN: a rename or mount somewhere on the system raced with a ".." that must be confined; the man page says to try again.
    private int OpenAt2(byte* path, int flags, uint mode, ResolveFlags resolve)
    {
        var how = new open_how { flags = (ulong)flags, mode = mode, resolve = (ulong)resolve };
        for (var attempt = 1; ; attempt++)
        {
            var fd = openat2(Fd, path, &how, Marshal.SizeOf<open_how>());
            if (fd >= 0 || attempt == OpenAttempts || (errno != Errno.EAGAIN && errno != Errno.EINTR)) return fd;
        }
    }
}
