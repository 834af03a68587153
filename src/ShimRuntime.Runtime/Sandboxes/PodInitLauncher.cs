using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// Starts <c>shimruntime-shim pause</c> as PID 1 of a new PID namespace: a thread of its own joins the pod's namespaces, unshares pid
/// and mount, and spawns; that needs no process in between (see the drawing in the shim's Pause/PodInit).
/// </summary>
internal sealed unsafe class PodInitLauncher(string shimPath)
{
    private const int CAP_SETGID = 6;
    private const int CAP_SETUID = 7;
    private const int CAP_SETPCAP = 8;
    private const int CAP_SYS_ADMIN = 21;
    private const int CAP_SYS_RESOURCE = 24;
    private const int ReportFd = 4;
    private const int EntryMillis = 10_000;
    private const int KilledMillis = 5_000;
    private const int SIGKILL = 9;
    private const string OomScoreAdjust = "-998";

    /// <summary>
    /// Spawns an init, which ends as soon as what is returned has been disposed of without having let it go. Throws
    /// <see cref="IOException"/> with what is wrong with the binary when it can't be executed.
    /// </summary>
    /// <param name="sandbox">Its net, IPC and UTS pins exist.</param>
    /// <param name="emptyDirectory">Where the init mounts its root, seen by nobody else.</param>
    public Task<StartingPodInit> StartAsync(Sandbox sandbox, string emptyDirectory) => NamespaceThread.RunAsync(() =>
    {
        if (sandbox.NetworkNamespace is { } network) LinuxNamespace.Enter(network, NamespaceKinds.Network);
        if (sandbox.IpcNamespace is { } ipc) LinuxNamespace.Enter(ipc, NamespaceKinds.Ipc);
        if (sandbox.UtsNamespace is { } uts) LinuxNamespace.Enter(uts, NamespaceKinds.Uts);
        if (sandbox.UserNamespace is null) LinuxNamespace.Unshare(NamespaceKinds.Pid | NamespaceKinds.Mount);
        Privileges.SetNoNewPrivileges();
        Privileges.LimitBoundingSet(CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_SYS_ADMIN, CAP_SYS_RESOURCE);
        return Spawn(emptyDirectory, sandbox.UserNamespace);
    });

    private StartingPodInit Spawn(string emptyDirectory, string? userNamespace)
    {
        var (ours, theirs) = SocketPair.Create();
        try
        {
            var report = (int)theirs.Handle;
            return new StartingPodInit(ours, shimPath, userNamespace is null
                ? Spawner.Spawn(Request(emptyDirectory, shimPath, new FdMapping(report, ReportFd)))
                : SpawnInside(userNamespace, emptyDirectory, report));
        }
        catch (Exception e)
        {
            ours.Dispose();
            if (e is LinuxException) throw new IOException($"the pod init can't be started: {e.Message}; {ShimSentence.Advice}", e);
            throw;
        }
        finally
        {
            theirs.Dispose();
        }
    }

    private static SpawnRequest Request(string emptyDirectory, string path, params IReadOnlyList<FdMapping> fds) => new()
    {
        Path = path,
        Arguments = ["pause", "pause"],
        Fds = fds,
        WorkingDirectory = emptyDirectory,
        NewSession = true,
    };

    /// <summary>By way of <see cref="UserNamespaceEntry"/>, whose child the init is; CLONE_PARENT makes it ours.</summary>
    private SpawnedProcess SpawnInside(string userNamespace, string emptyDirectory, int report)
    {
        using var user = File.OpenHandle(userNamespace);
        using var shim = File.OpenHandle(shimPath);
        using var program = UserNamespaceEntry.Program();
        var pipe = FileDescriptor.CreatePipe();
        using var pid = new SafeFileHandle(pipe.Read, true);
        SpawnedProcess entry;
        using (new SafeFileHandle(pipe.Write, true))
        {
            entry = Spawner.Spawn(Request(
                emptyDirectory, $"/proc/self/fd/{UserNamespaceEntry.ProgramFd}", new FdMapping(Fd(user), UserNamespaceEntry.UserFd), new FdMapping(report, ReportFd),
                new FdMapping(pipe.Write, UserNamespaceEntry.PidFd), new FdMapping(Fd(shim), UserNamespaceEntry.ExecutableFd),
                new FdMapping(Fd(program), UserNamespaceEntry.ProgramFd)));
        }

        using (entry)
        {
            if (!FileDescriptor.WaitReadable(entry.PidFd.Fd, EntryMillis)) _ = entry.PidFd.Signal(SIGKILL);
            _ = FileDescriptor.WaitReadable(entry.PidFd.Fd, KilledMillis);
            var exit = entry.PidFd.TryReap();
            // Written before it ends, if at all; the child keeps the pipe open, so that nobody may wait for its end.
            var child = 0;
            if (!FileDescriptor.WaitReadable(pipe.Read, 0) || read(pipe.Read, &child, sizeof(int)) != sizeof(int))
                throw new LinuxException("setns", exit?.Code is > 0 and var error ? error : Errno.EIO, userNamespace);
            var opened = SafePidFd.TryOpen(child) ?? throw new LinuxException("pidfd_open", Errno.ESRCH, "pod init");
            // It could not do so itself: CAP_SYS_RESOURCE inside means nothing here.
            _ = CgroupFile.TryWrite($"/proc/{child}/oom_score_adj", OomScoreAdjust);
            return new SpawnedProcess(child, opened);
        }
    }

    private static int Fd(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    /// <summary>Kills it, and reaps it unless the kernel does not let it go.</summary>
    public static ExitCode? End(SpawnedProcess process)
    {
        _ = process.PidFd.Signal(SIGKILL);
        _ = FileDescriptor.WaitReadable(process.PidFd.Fd, KilledMillis);
        var exit = process.PidFd.TryReap();
        process.Dispose();
        return exit;
    }
}
