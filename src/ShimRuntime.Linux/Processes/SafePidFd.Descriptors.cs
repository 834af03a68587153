using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <content>Descriptors of the process.</content>
public sealed partial class SafePidFd
{
    private const nint SysPidfdGetFd = 438;

    /// <summary>
    /// A duplicate, ours to close and close-on-exec, of the process's descriptor <paramref name="number"/> (pidfd_getfd(2)); -1 when it has
    /// none of that number, or is gone.
    /// </summary>
    /// <exception cref="LinuxException">EPERM: it is not ours to look into. EMFILE: we have too many.</exception>
    public int TryDuplicate(int number)
    {
        var fd = PidfdGetFd(SysPidfdGetFd, this, number, 0);
        if (fd >= 0) return (int)fd;
        return Marshal.GetLastPInvokeError() is Errno.EBADF or Errno.ESRCH ? -1 : throw LinuxException.Last("pidfd_getfd", $"fd {number}");
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint PidfdGetFd(nint number, SafePidFd process, int target, uint flags);
}
