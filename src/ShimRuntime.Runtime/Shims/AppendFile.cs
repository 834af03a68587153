using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Runtime.Shims;

/// <summary>A file that several processes may write at its end (O_APPEND), 0600, never through a symlink.</summary>
internal static unsafe class AppendFile
{
    private const int OwnerReadWrite = 0x180;

    public static SafeFileHandle Open(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            var fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, (Tmds.Linux.mode_t)OwnerReadWrite);
            return fd >= 0 ? new SafeFileHandle(fd, true) : throw new LinuxException("open", errno, path);
        }
    }
}
