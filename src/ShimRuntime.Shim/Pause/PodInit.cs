using System.Runtime.InteropServices;
using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Pause;

/// <summary>
/// <c>shimruntime-shim pause</c>: PID 1 of a pod that shares a PID namespace. It reaps and does nothing else, and any container of
/// the pod, root and privileged ones too, may look at it.
/// </summary>
/// <remarks>
/// <code>
/// the daemon, on a thread that ends                     pause
///   setns net, ipc, uts; unshare pid, mount
///   no_new_privs; small bounding set
///   posix_spawn from a sealed memfd       ───────────►  oom_score_adj; empty read-only root (".": the daemon's choice)
///   reads fd 4 to its end                               bounding set, uid 65535, no capabilities, undumpable
///   a zero byte: ready                    ◄───────────  SIGCHLD ignored; every fd closed; pause(2) for ever
///   text: the error, and then exit 1
/// </code>
/// Threads of the runtime have no state of their own to leak: namespaces and no_new_privs are in force before exec, the root is
/// shared by all threads, and ids change in all.
/// </remarks>
internal static unsafe partial class PodInit
{
    /// <summary>Where an error, or one zero byte when all is well, is written to.</summary>
    private const int ReportFd = 4;
    private const uint Nobody = 65535;
    private const int SIGCHLD = 17;
    private const nint SIG_IGN = 1;
    private const string OomScoreAdjust = "-998";

    public static int Run()
    {
        try
        {
            SetUp();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var text = Encoding.UTF8.GetBytes(e.Message);
            fixed (byte* first = text) _ = Tmds.Linux.LibC.write(ReportFd, first, text.Length);
            return 1;
        }

        while (true) _ = pause();
    }

    private static void SetUp()
    {
        // Refused without CAP_SYS_RESOURCE; then it stays as likely a victim as the daemon.
        _ = CgroupFile.TryWrite("/proc/self/oom_score_adj", OomScoreAdjust);
        EmptyRoot.Enter(Environment.CurrentDirectory);
        Privileges.LimitBoundingSet();
        Privileges.BecomeUser(Nobody);
        Privileges.SetUndumpable();
        Privileges.SetThreadName("pause");

        // The kernel then reaps by itself, orphans that were zombies before too (sigaction(2), NOTES): no wake-up, no loop.
        if (signal(SIGCHLD, SIG_IGN) < 0) throw LinuxException.Last("signal", "SIGCHLD");
        byte ready = 0;
        if (Tmds.Linux.LibC.write(ReportFd, &ready, 1) != 1) throw new LinuxException("write", Tmds.Linux.LibC.errno, "readiness");
        LinuxException.Check(close_range(0, uint.MaxValue, 0), "close_range");
    }

    [LibraryImport("libc")]
    private static partial int pause();

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint signal(int number, nint handler);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close_range(uint first, uint last, uint flags);
}
