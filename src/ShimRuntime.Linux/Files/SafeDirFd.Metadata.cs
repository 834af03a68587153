using System.Text;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

public sealed unsafe partial class SafeDirFd
{
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_BASIC_STATS = 0x7ff;

    /// <summary>The entry itself, links not followed. Null when there is none.</summary>
    public FileStatus? TryStat(FileName name)
    {
        fixed (byte* path = name.Terminated) return TryStatAt(path, AT_SYMLINK_NOFOLLOW, name);
    }

    /// <summary>This directory.</summary>
    public FileStatus Stat()
    {
        byte empty = 0;
        return TryStatAt(&empty, AT_EMPTY_PATH, default) ?? throw new LinuxException("statx", Errno.ENOENT);
    }

    /// <summary>Owner of the entry itself. Clears set-id bits and security.capability of files (chown(2)): set those afterwards.</summary>
    public void SetOwner(FileName name, uint uid, uint gid)
    {
        fixed (byte* path = name.Terminated)
        {
            if (fchownat(Fd, path, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)
            {
                throw new LinuxException("fchownat", errno, name.ToString());
            }
        }
    }

    /// <summary>Owner of this directory.</summary>
    public void SetOwner(uint uid, uint gid)
    {
        if (fchown(Fd, (uid_t)uid, (gid_t)gid) < 0) throw new LinuxException("fchown", errno);
    }

    /// <summary>The low twelve mode bits of an entry that is no symbolic link (a link has none: EOPNOTSUPP).</summary>
    public void SetMode(FileName name, uint mode)
    {
        // fchmodat has no AT_SYMLINK_NOFOLLOW before Linux 6.6: pin the inode first and change it by its descriptor.
        using var inode = TryOpen(name.Bytes, O_PATH | O_NOFOLLOW, ResolveFlags.Beneath | ResolveFlags.NoMagicLinks)
            ?? throw new LinuxException("openat2", Errno.ENOENT, name.ToString());
        using var path = new CString($"/proc/self/fd/{inode.DangerousGetHandle()}");
        if (chmod(path.Pointer, (mode_t)mode) < 0) throw new LinuxException("chmod", errno, name.ToString());
    }

    /// <summary>The low twelve mode bits of this directory.</summary>
    public void SetMode(uint mode)
    {
        if (fchmod(Fd, (mode_t)mode) < 0) throw new LinuxException("fchmod", errno);
    }

    /// <summary>Access and modification time of the entry itself.</summary>
    public void SetTimes(FileName name, FileTime access, FileTime modify)
    {
        var times = stackalloc timespec[2] { FileMetadata.ToTimespec(access), FileMetadata.ToTimespec(modify) };
        fixed (byte* path = name.Terminated)
        {
            if (utimensat(Fd, path, times, AT_SYMLINK_NOFOLLOW) < 0) throw new LinuxException("utimensat", errno, name.ToString());
        }
    }

    /// <summary>Access and modification time of this directory.</summary>
    public void SetTimes(FileTime access, FileTime modify)
    {
        var times = stackalloc timespec[2] { FileMetadata.ToTimespec(access), FileMetadata.ToTimespec(modify) };
        if (futimens(Fd, times) < 0) throw new LinuxException("futimens", errno);
    }

    /// <summary>
    /// The entry as a path through this descriptor, for the calls that know no directory descriptors; they must not follow links.
    /// </summary>
    internal byte[] ProcPathOf(FileName name) => [.. Encoding.ASCII.GetBytes(ProcPath), (byte)'/', .. name.Bytes, 0];

    private FileStatus? TryStatAt(byte* path, int flags, FileName name)
    {
        statx result;
        if (LibC.statx(Fd, path, flags, STATX_BASIC_STATS, &result) == 0) return FileMetadata.FromStatx(in result);
        return errno == Errno.ENOENT ? null : throw new LinuxException("statx", errno, name.ToString());
    }
}
