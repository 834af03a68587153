using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// signalfd(2) for one signal, non-blocking. The signal must be blocked in every thread: see <see cref="SpawnRequest.BlockedSignals"/>.
/// </summary>
public sealed unsafe partial class SignalFd : IDisposable
{
    private const int SigSetBytes = 128;
    private const int NonBlockCloseOnExec = 0x80800; // SFD_NONBLOCK | SFD_CLOEXEC
    private const int InfoBytes = 128; // sizeof(struct signalfd_siginfo)

    public SignalFd(int signal)
    {
        var set = stackalloc byte[SigSetBytes];
        _ = sigemptyset(set);
        _ = sigaddset(set, signal);
        Fd = LinuxException.Check(signalfd(-1, set, NonBlockCloseOnExec), "signalfd");
    }

    public int Fd { get; }

    /// <summary>Takes what is pending; signals of one number are merged by the kernel, so the count says nothing.</summary>
    public void Drain()
    {
        var info = stackalloc byte[InfoBytes];
        while ((long)read(Fd, info, InfoBytes) > 0)
        {
        }
    }

    public void Dispose() => _ = close(Fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int signalfd(int fd, byte* set, int flags);

    [LibraryImport("libc")]
    private static partial int sigemptyset(byte* set);

    [LibraryImport("libc")]
    private static partial int sigaddset(byte* set, int signal);
}
