using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>
/// Children that nobody holds a pidfd of: orphans that the kernel hands to a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER).
/// </summary>
public static unsafe partial class ChildProcesses
{
    private const int PR_SET_CHILD_SUBREAPER = 36;
    private const int SIGKILL = 9;
    private const int P_ALL = 0;
    private const int P_PID = 1;
    private const int WNOHANG = 1;
    private const int WEXITED = 4;
    private const int WNOWAIT = 0x01000000;
    private const int SigInfoBytes = 128;

    /// <summary>From here on, orphaned descendants become children of this process.</summary>
    public static void BecomeSubreaper() => LinuxException.Check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl PR_SET_CHILD_SUBREAPER");

    /// <summary>Reaps one child that has ended, whichever; false when there is none.</summary>
    public static bool TryReapAny(out int pid, out ExitCode exit)
    {
        (pid, exit) = (0, default);
        Span<byte> info = stackalloc byte[SigInfoBytes];
        info.Clear();
        if (!Wait(P_ALL, 0, info, WEXITED | WNOHANG) || ExitCode.FromSigInfo(info) is not { } code) return false;
        pid = BinaryPrimitives.ReadInt32LittleEndian(info[16..]); // si_pid
        exit = code;
        return true;
    }

    /// <summary>True when <paramref name="pid"/> is a child of ours, running or waiting to be reaped.</summary>
    public static bool IsChild(int pid)
    {
        Span<byte> info = stackalloc byte[SigInfoBytes];
        return Wait(P_PID, pid, info, WEXITED | WNOHANG | WNOWAIT);
    }

    /// <summary>SIGKILL to a child of ours, and waits until it is gone. One that was reaped already is no error.</summary>
    internal static void KillAndReap(int pid)
    {
        Span<byte> info = stackalloc byte[SigInfoBytes];
        _ = Tmds.Linux.LibC.kill(pid, SIGKILL);
        Wait(P_PID, pid, info, WEXITED);
    }

    /// <summary>False: no such child (ECHILD).</summary>
    private static bool Wait(int idType, int id, Span<byte> info, int options)
    {
        fixed (byte* p = info)
        {
            while (waitid(idType, id, p, options, 0) < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error == Errno.ECHILD) return false;
                if (error != Errno.EINTR) throw new LinuxException("waitid", error);
            }
        }

        return true;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitid(int idType, int id, byte* info, int options, nint usage);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);
}
