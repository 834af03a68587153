using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ShimRuntime.Linux;

/// <summary>
/// A pidfd (pidfd_open(2)): names one process for ever, whatever happens to its pid. Once disposed it names nobody: its number may be
/// another process's by then, so every use throws <see cref="ObjectDisposedException"/>.
/// </summary>
public sealed partial class SafePidFd : SafeHandleZeroOrMinusOneIsInvalid
{
    private const nint SysPidfdSendSignal = 424;
    private const nint SysPidfdOpen = 434;
    private const int P_PIDFD = 3;
    private const int WEXITED = 4;
    private const int WNOHANG = 1;

    public SafePidFd() : base(true)
    {
    }

    public SafePidFd(int fd) : base(true) => SetHandle(fd);

    public int Fd => IsClosed ? throw new ObjectDisposedException(nameof(SafePidFd)) : (int)handle;

    /// <summary>Opens <paramref name="pid"/>; null when no such process exists.</summary>
    public static SafePidFd? TryOpen(int pid)
    {
        var fd = PidfdOpen(SysPidfdOpen, pid, 0);
        if (fd >= 0) return new SafePidFd((int)fd);
        return Marshal.GetLastPInvokeError() is Errno.ESRCH or Errno.EINVAL ? null : throw LinuxException.Last("pidfd_open", $"{pid}");
    }

    /// <summary>True once the process has ended, whether or not its parent has reaped it (pidfd_open(2): the descriptor is then readable).</summary>
    public bool HasEnded => FileDescriptor.WaitReadable(Fd, 0);

    /// <summary>Sends a signal; false when the process is gone.</summary>
    public bool Signal(int signal)
    {
        if (PidfdSendSignal(SysPidfdSendSignal, this, signal, 0, 0) >= 0) return true;
        return Marshal.GetLastPInvokeError() == Errno.ESRCH ? false : throw LinuxException.Last("pidfd_send_signal", $"signal {signal}");
    }

    /// <summary>
    /// Reaps the process if it is a child of ours and has ended; null while it runs. ECHILD is thrown for anybody else's child.
    /// </summary>
    public unsafe ExitCode? TryReap()
    {
        Span<byte> info = stackalloc byte[128];
        info.Clear();
        fixed (byte* p = info)
        {
            while (WaitId(P_PIDFD, this, p, WEXITED | WNOHANG, 0) < 0)
            {
                if (Marshal.GetLastPInvokeError() != Errno.EINTR) throw LinuxException.Last("waitid", $"pidfd {Fd}");
            }
        }

        return ExitCode.FromSigInfo(info);
    }

    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint PidfdOpen(nint number, int pid, uint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint PidfdSendSignal(nint number, SafePidFd process, int signal, nint info, uint flags);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static unsafe partial int WaitId(int idType, SafePidFd process, byte* info, int options, nint usage);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int fd);
}
