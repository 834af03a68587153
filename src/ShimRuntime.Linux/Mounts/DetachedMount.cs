using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ShimRuntime.Linux;

/// <summary>
/// A copy of a mount that nobody sees yet: open_tree(2) makes it, mount_setattr(2) changes it, move_mount(2) puts it into the tree.
/// Disposed before that, it is gone.
/// </summary>
public sealed unsafe partial class DetachedMount : IDisposable
{
    private const nint SysOpenTree = 428;
    private const nint SysMoveMount = 429;
    private const nint SysMountSetattr = 442;
    private const int AT_FDCWD = -100;
    private const uint AT_EMPTY_PATH = 0x1000;
    private const uint AT_RECURSIVE = 0x8000;
    private const uint AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint OPEN_TREE_CLONE = 1;
    private const uint O_CLOEXEC = 0x80000;
    private const uint MOVE_MOUNT_F_EMPTY_PATH = 4;
    private const ulong MOUNT_ATTR_IDMAP = 0x100000;
    private const nuint AttributeBytes = 32; // MOUNT_ATTR_SIZE_VER0
    private readonly SafeFileHandle _tree;

    private DetachedMount(SafeFileHandle tree) => _tree = tree;

    /// <summary>The kernel has mount_setattr(2): Linux 5.12.</summary>
    public static bool IsSupported { get; } = MountSetattr(SysMountSetattr, -1, null, 0, null, 0) < 0 && Marshal.GetLastPInvokeError() != Errno.ENOSYS;

    /// <summary>/proc/self/fd/N of its root: for mount(2), while this is not disposed.</summary>
    public string ProcPath => $"/proc/self/fd/{_tree.DangerousGetHandle()}";

    /// <summary>Copies the mount that holds a path, from that path on; the last component is not followed when it is a link.</summary>
    /// <param name="recursive">With all mounts below it.</param>
    public static DetachedMount Of(string path, bool recursive)
    {
        using var name = new CString(path);
        var flags = OPEN_TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW | (recursive ? AT_RECURSIVE : 0);
        var fd = OpenTree(SysOpenTree, AT_FDCWD, name.Pointer, flags);
        return fd >= 0 ? new DetachedMount(new SafeFileHandle(fd, true)) : throw LinuxException.Last("open_tree", path);
    }

    /// <summary>
    /// Shows owners through the mappings of a user namespace (mount_setattr(2), "ID-mapped mounts"). EINVAL: a file system of the tree
    /// can't be id-mapped.
    /// </summary>
    public void MapIds(SafeFileHandle userNamespace, bool recursive)
    {
        var attributes = stackalloc ulong[4] { MOUNT_ATTR_IDMAP, 0, 0, (ulong)userNamespace.DangerousGetHandle() };
        SetAttributes(attributes, recursive, "MOUNT_ATTR_IDMAP");
    }

    /// <summary>
    /// A copy of a shared mount is its peer: what is unmounted below the one goes below the other too. Cut off by
    /// <see cref="MountPropagation.Private"/>, or by <see cref="MountPropagation.Slave"/> in the one direction.
    /// </summary>
    public void SetPropagation(MountPropagation propagation, bool recursive)
    {
        var attributes = stackalloc ulong[4] { 0, 0, (ulong)propagation, 0 };
        SetAttributes(attributes, recursive, propagation.ToString());
    }

    /// <summary>Puts it at a directory or file that exists.</summary>
    public void MoveTo(string target)
    {
        using var to = new CString(target);
        fixed (byte* empty = "\0"u8)
        {
            if (MoveMount(SysMoveMount, (int)_tree.DangerousGetHandle(), empty, AT_FDCWD, to.Pointer, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                throw LinuxException.Last("move_mount", target);
        }
    }

    public void Dispose() => _tree.Dispose();

    private void SetAttributes(ulong* attributes, bool recursive, string what)
    {
        fixed (byte* empty = "\0"u8)
        {
            var flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
            if (MountSetattr(SysMountSetattr, (int)_tree.DangerousGetHandle(), empty, flags, attributes, AttributeBytes) < 0)
                throw LinuxException.Last("mount_setattr", what);
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial int OpenTree(nint number, int directory, byte* path, uint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial int MoveMount(nint number, int fromFd, byte* from, int toFd, byte* to, uint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial int MountSetattr(nint number, int directory, byte* path, uint flags, void* attributes, nuint size);
}
