using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

public sealed unsafe partial class SafeDirFd
{
    private const int AT_REMOVEDIR = 0x200;

    /// <summary>
    /// mkdirat(2); EEXIST when there is anything of that name. The umask applies: set the mode afterwards where it matters.
    /// </summary>
    public void MakeDirectory(FileName name, uint mode = 0x1ED)
    {
        fixed (byte* path = name.Terminated)
        {
            if (mkdirat(Fd, path, (mode_t)mode) < 0) throw new LinuxException("mkdirat", errno, name.ToString());
        }
    }

    /// <summary>A new regular file, open for writing; EEXIST when there is anything of that name, a dangling link included.</summary>
    public SafeFileHandle CreateFile(FileName name, uint mode = 0x180)
    {
        fixed (byte* path = name.Terminated)
        {
            var fd = OpenAt2(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode,
                ResolveFlags.Beneath | ResolveFlags.NoSymlinks);
            return fd >= 0 ? new SafeFileHandle(fd, true) : throw new LinuxException("openat2", errno, name.ToString());
        }
    }

    /// <summary>A symbolic link whose text is any bytes but NUL: it is stored, not resolved.</summary>
    public void MakeSymlink(FileName name, ReadOnlySpan<byte> target)
    {
        using var text = new CBytes(target);
        fixed (byte* path = name.Terminated)
        {
            if (symlinkat(text.Pointer, Fd, path) < 0) throw new LinuxException("symlinkat", errno, name.ToString());
        }
    }

    /// <summary>linkat(2) without AT_SYMLINK_FOLLOW: a second name for the entry itself, be it a symbolic link.</summary>
    public void MakeLink(FileName name, SafeDirFd targetDirectory, FileName target)
    {
        fixed (byte* from = target.Terminated)
        fixed (byte* to = name.Terminated)
        {
            if (linkat(targetDirectory.Fd, from, Fd, to, 0) < 0) throw new LinuxException("linkat", errno, name.ToString());
        }
    }

    /// <summary>linkat(2) with AT_EMPTY_PATH: a name for an open file, whatever names it has. ENOENT when it has none left.</summary>
    public void MakeLink(FileName name, SafeFileHandle file)
    {
        byte empty = 0;
        fixed (byte* to = name.Terminated)
        {
            if (linkat(FileMetadata.Fd(file), &empty, Fd, to, AT_EMPTY_PATH) < 0)
            {
                throw new LinuxException("linkat", errno, name.ToString());
            }
        }
    }

    /// <summary>mknodat(2).</summary>
    /// <param name="typeAndMode">S_IFCHR, S_IFBLK or S_IFIFO with permission bits; the umask applies.</param>
    public void MakeNode(FileName name, uint typeAndMode, uint major = 0, uint minor = 0)
    {
        fixed (byte* path = name.Terminated)
        {
            if (mknodat(Fd, path, (mode_t)typeAndMode, DeviceNumber(major, minor)) < 0)
            {
                throw new LinuxException("mknodat", errno, name.ToString());
            }
        }
    }

    /// <summary>Removes one name that is not a directory (EISDIR). False when there is none.</summary>
    public bool Unlink(FileName name) => Remove(name, 0);

    /// <summary>Removes an empty directory (ENOTEMPTY, ENOTDIR). False when there is none.</summary>
    public bool RemoveDirectory(FileName name) => Remove(name, AT_REMOVEDIR);

    /// <summary>renameat2(2).</summary>
    /// <param name="flags"><see cref="RenameFlags.NoReplace"/>: EEXIST when the new name is taken.</param>
    public void Rename(FileName name, SafeDirFd newDirectory, FileName newName, RenameFlags flags = RenameFlags.None)
    {
        fixed (byte* from = name.Terminated)
        fixed (byte* to = newName.Terminated)
        {
            LinuxException.Check(LibcCalls.renameat2(Fd, from, newDirectory.Fd, to, (uint)flags), "renameat2", name.ToString());
        }
    }

    /// <summary>The text of a symbolic link (EINVAL for anything else).</summary>
    public byte[] ReadLink(FileName name)
    {
        var buffer = stackalloc byte[4096]; // PATH_MAX bounds a link's text
        fixed (byte* path = name.Terminated)
        {
            var length = (long)readlinkat(Fd, path, buffer, 4096);
            return length >= 0
                ? new ReadOnlySpan<byte>(buffer, (int)length).ToArray()
                : throw new LinuxException("readlinkat", errno, name.ToString());
        }
    }

    /// <summary>dev_t as the kernel and glibc lay it out: makedev(3).</summary>
    internal static ulong DeviceNumber(uint major, uint minor) =>
        ((ulong)(major & 0xfffff000) << 32) | ((ulong)(major & 0xfff) << 8) | ((ulong)(minor & 0xffffff00) << 12) | (minor & 0xff);

    private bool Remove(FileName name, int flags)
    {
        fixed (byte* path = name.Terminated)
        {
            if (unlinkat(Fd, path, flags) == 0) return true;
            return errno == Errno.ENOENT ? false : throw new LinuxException("unlinkat", errno, name.ToString());
        }
    }
}
