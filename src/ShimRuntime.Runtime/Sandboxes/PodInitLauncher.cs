using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using Tmds.Linux;
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
    private const byte Ready = 0; // then end of file; whatever else comes is an error's text
    private const int ReadyMillis = 10_000;
    private const int KilledMillis = 5_000;
    private const int MaxReportBytes = 1024;
    private const int SIGKILL = 9;

    /// <summary>
    /// Returns when the init is ready. It is a child of this process: the caller reaps it. Throws <see cref="IOException"/> with the
    /// init's own sentence when it failed; it has ended then.
    /// </summary>
    /// <param name="sandbox">Its net, IPC and UTS pins exist.</param>
    /// <param name="emptyDirectory">Where the init mounts its root, seen by nobody else.</param>
    public Task<SpawnedProcess> StartAsync(Sandbox sandbox, string emptyDirectory) => NamespaceThread.RunAsync(() =>
    {
        if (sandbox.NetworkNamespace is { } network) LinuxNamespace.Enter(network, NamespaceKinds.Network);
        if (sandbox.IpcNamespace is { } ipc) LinuxNamespace.Enter(ipc, NamespaceKinds.Ipc);
        if (sandbox.UtsNamespace is { } uts) LinuxNamespace.Enter(uts, NamespaceKinds.Uts);
        LinuxNamespace.Unshare(NamespaceKinds.Pid | NamespaceKinds.Mount);
        Privileges.SetNoNewPrivileges();
        Privileges.LimitBoundingSet(CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_SYS_ADMIN, CAP_SYS_RESOURCE);
        return SpawnAndWait(emptyDirectory);
    });

    private SpawnedProcess SpawnAndWait(string emptyDirectory)
    {
        var pipe = stackalloc int[2];
        if (pipe2(pipe, O_CLOEXEC) < 0) throw new LinuxException("pipe2", errno);
        using var report = new SafeFileHandle(pipe[0], true);
        SpawnedProcess process;
        try
        {
            process = Spawner.Spawn(new SpawnRequest
            {
                Path = shimPath,
                Arguments = ["pause", "pause"],
                Fds = [new FdMapping(pipe[1], ReportFd)],
                WorkingDirectory = emptyDirectory,
                NewSession = true,
            });
        }
        finally
        {
            _ = close(pipe[1]);
        }

        if (ReadReport(pipe[0]) is not { } error) return process;
        _ = process.PidFd.Signal(SIGKILL);
        _ = WaitReadable(process.PidFd.Fd, KilledMillis);
        _ = process.PidFd.TryReap();
        process.Dispose();
        throw new IOException(error);
    }

    /// <summary>Null: ready. This thread belongs to nobody else, so it may wait; the deadline is the init's.</summary>
    private static string? ReadReport(int fd)
    {
        var buffer = stackalloc byte[MaxReportBytes];
        var length = 0;
        while (length < MaxReportBytes)
        {
            if (!WaitReadable(fd, ReadyMillis)) return $"the pod init was not ready within {ReadyMillis / 1000} s";
            var count = (int)read(fd, buffer + length, MaxReportBytes - length);
            if (count <= 0) break;
            length += count;
        }

        if (length == 0) return "the pod init ended before it was ready";
        var text = buffer[0] == Ready ? 1 : 0;
        return text == length ? null : Encoding.UTF8.GetString(buffer + text, length - text);
    }

    private static bool WaitReadable(int fd, int millis)
    {
        pollfd wait = default;
        wait.fd = fd;
        wait.events = POLLIN;
        int ready;
        while ((ready = poll(&wait, 1, millis)) < 0 && errno == Errno.EINTR)
        {
        }

        return ready > 0;
    }
}
