using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>File calls that Tmds.LibC lacks. Return −1 with Marshal's last P/Invoke error, as libc does.</summary>
internal static unsafe partial class LibcCalls
{
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int renameat2(int oldDirectory, byte* oldPath, int newDirectory, byte* newPath, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fsetxattr(int fd, byte* name, void* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int lsetxattr(byte* path, byte* name, void* value, nuint size, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint lgetxattr(byte* path, byte* name, void* value, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint llistxattr(byte* path, byte* list, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int lremovexattr(byte* path, byte* name);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint getdents64(int fd, void* buffer, nuint bytes);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int statfs(byte* path, void* buffer);
}
