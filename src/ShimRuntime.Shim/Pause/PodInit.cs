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
///   posix_spawn                           ───────────►  oom_score_adj; empty read-only root (".": the daemon's choice)
///                                                       bounding set, uid 65535, no capabilities
///                                                       SIGCHLD ignored, which execve keeps
///   reads fd 4: text is an error          ◄───────────  a zero byte
///   puts it into the pod's cgroup, where recovery
///   finds it; a byte                      ───────────►  at the end of file: the daemon is dead, and so is this
///   reads fd 4 to its end: ready          ◄───────────  execve of a sealed memfd with <see cref="TinyInit"/>: the runtime's threads,
///                                                       libraries and descriptors end there
/// pins its PID namespace: only now can anybody see it
/// </code>
/// </remarks>
internal static unsafe partial class PodInit
{
    /// <summary>A socket. Where an error, or one zero byte when all is well, is written to, and where the word comes from to go on.</summary>
    private const int ReportFd = 4;

    /// <summary>A cgroup of systemd's may take its bus half a minute.</summary>
    private const int HeldMillis = 60_000;
    private const uint Nobody = 65535;
    private const int SIGCHLD = 17;
    private const nint SIG_IGN = 1;
    private const uint CLOSE_RANGE_CLOEXEC = 4;
    private const int AT_EMPTY_PATH = 0x1000;
    private const nint SysExecveat = 322; // x86-64
    private const string OomScoreAdjust = "-998";

    /// <summary>Returns only when it failed.</summary>
    public static int Run()
    {
        try
        {
            GiveUpEverything();
            Become(TinyInit.File());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Report(Encoding.UTF8.GetBytes(e.Message));
        }

        return 1;
    }

    private static void GiveUpEverything()
    {
        // Refused without CAP_SYS_RESOURCE; then it stays as likely a victim as the daemon.
        _ = CgroupFile.TryWrite("/proc/self/oom_score_adj", OomScoreAdjust);
        EmptyRoot.Enter(Environment.CurrentDirectory);
        Privileges.LimitBoundingSet();
        Privileges.BecomeUser(Nobody);

        // The kernel then reaps by itself, those that were zombies before too (sigaction(2), NOTES): no wake-up, no loop.
        if (signal(SIGCHLD, SIG_IGN) < 0) throw LinuxException.Last("signal", "SIGCHLD");
    }

    private static void Become(ReadOnlySpan<byte> program)
    {
        using var executable = MemoryFile.SealedExecutable("pause", program);
        LinuxException.Check(close_range(0, uint.MaxValue, CLOSE_RANGE_CLOEXEC), "close_range");
        Report([0]);
        AwaitRelease();
        fixed (byte* name = "pause\0"u8, none = "\0"u8)
        {
            var arguments = stackalloc byte*[] { name, null };
            var environment = stackalloc byte*[] { null };
            _ = Execveat(SysExecveat, (int)executable.DangerousGetHandle(), none, arguments, environment, AT_EMPTY_PATH);
            throw LinuxException.Last("execveat", "pause");
        }
    }

    private static void AwaitRelease()
    {
        if (FileDescriptor.IsPipe(ReportFd)) return; // a daemon of an earlier release, which lets nobody wait
        byte word;
        if (!FileDescriptor.WaitReadable(ReportFd, HeldMillis)) throw new IOException($"the daemon gave no word for {HeldMillis / 1000} s");
        if (FileDescriptor.Read(ReportFd, &word, 1) != 1) throw new IOException("the daemon has gone");
    }

    private static void Report(ReadOnlySpan<byte> text)
    {
        fixed (byte* first = text) _ = Tmds.Linux.LibC.write(ReportFd, first, text.Length);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint signal(int number, nint handler);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close_range(uint first, uint last, uint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Execveat(nint number, int fd, byte* path, byte** arguments, byte** environment, int flags);
}
