using System.Runtime.InteropServices;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Metadata and content of a file by its open descriptor, where no name can be exchanged any more.</summary>
public static unsafe class FileMetadata
{
    /// <summary>fchown(2). Clears set-id bits and security.capability: set those afterwards.</summary>
    public static void SetOwner(SafeHandle file, uint uid, uint gid)
    {
        if (fchown(Fd(file), (uid_t)uid, (gid_t)gid) < 0) throw new LinuxException("fchown", errno);
    }

    /// <summary>fchmod(2): the low twelve mode bits.</summary>
    public static void SetMode(SafeHandle file, uint mode)
    {
        if (fchmod(Fd(file), (mode_t)mode) < 0) throw new LinuxException("fchmod", errno);
    }

    /// <summary>futimens(3).</summary>
    public static void SetTimes(SafeHandle file, FileTime access, FileTime modify)
    {
        var times = stackalloc timespec[2] { ToTimespec(access), ToTimespec(modify) };
        if (futimens(Fd(file), times) < 0) throw new LinuxException("futimens", errno);
    }

    /// <summary>
    /// Writes all of <paramref name="content"/> at <paramref name="offset"/>; bytes skipped before it read as zeros and take no space.
    /// </summary>
    public static void Write(SafeHandle file, ReadOnlySpan<byte> content, long offset)
    {
        fixed (byte* start = content)
        {
            for (var done = 0; done < content.Length;)
            {
                var count = (long)pwrite(Fd(file), start + done, content.Length - done, offset + done);
                if (count < 0 && errno == Errno.EINTR) continue;
                if (count < 0) throw new LinuxException("pwrite", errno);
                done += (int)count;
            }
        }
    }

    /// <summary>ftruncate(2): the size in bytes; growing adds a hole.</summary>
    public static void SetSize(SafeHandle file, long sizeBytes)
    {
        if (ftruncate(Fd(file), sizeBytes) < 0) throw new LinuxException("ftruncate", errno);
    }

    /// <summary>fsetxattr(2).</summary>
    public static void SetXattr(SafeHandle file, ReadOnlySpan<byte> attribute, ReadOnlySpan<byte> value)
    {
        using var key = new CBytes(attribute);
        fixed (byte* data = value)
        {
            LinuxException.Check(LibcCalls.fsetxattr(Fd(file), key.Pointer, data, (nuint)value.Length, 0), "fsetxattr",
                PathBytes.Display(attribute));
        }
    }

    /// <summary>statx(2).</summary>
    public static FileStatus Stat(SafeHandle file)
    {
        byte empty = 0;
        statx result;
        return LibC.statx(Fd(file), &empty, 0x1000, 0x7ff, &result) == 0 ? FromStatx(in result) : throw new LinuxException("statx", errno);
    }

    internal static FileStatus FromStatx(in statx s) => new(
        (FileKind)(s.stx_mode & 0xF000u), s.stx_mode & 0xFFFu, s.stx_uid, s.stx_gid, s.stx_ino, s.stx_nlink,
        (long)s.stx_size, (long)s.stx_blocks * 512,
        new FileTime(s.stx_atime.tv_sec, s.stx_atime.tv_nsec), new FileTime(s.stx_mtime.tv_sec, s.stx_mtime.tv_nsec),
        s.stx_rdev_major, s.stx_rdev_minor, s.stx_dev_major, s.stx_dev_minor);

    internal static timespec ToTimespec(FileTime time) => new() { tv_sec = time.Seconds, tv_nsec = (long_t)(long)time.Nanoseconds };

    internal static int Fd(SafeHandle file) =>
        file.IsClosed ? throw new ObjectDisposedException(file.GetType().Name) : (int)file.DangerousGetHandle();
}
