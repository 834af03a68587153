using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>Dispositions and mask of this process's signals (signal(7)).</summary>
public static unsafe partial class SignalMask
{
    private const int SigSetBytes = 128;
    private const int SigBlock = 0;
    private const nint SigIgnore = 1;

    /// <summary>True when the calling thread holds the signal back.</summary>
    public static bool IsBlocked(int signal)
    {
        var set = stackalloc byte[SigSetBytes];
        new Span<byte>(set, SigSetBytes).Clear();
        return pthread_sigmask(SigBlock, null, set) == 0 && sigismember(set, signal) == 1;
    }

    /// <summary>Ignores the signal from here on, in every thread.</summary>
    public static void Ignore(int signal)
    {
        if (SetDisposition(signal, SigIgnore) == -1) throw LinuxException.Last("signal", $"{signal}");
    }

    [LibraryImport("libc")]
    private static partial int pthread_sigmask(int how, byte* set, byte* old);

    [LibraryImport("libc")]
    private static partial int sigismember(byte* set, int signal);

    [LibraryImport("libc", EntryPoint = "signal", SetLastError = true)]
    private static partial nint SetDisposition(int signal, nint handler);
}
