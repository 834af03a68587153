using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;
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
    private const int ReadyMillis = 10_000;
    private const int KilledMillis = 5_000;
    private const int EndedMillis = 1_000;
    private const int MaxReportBytes = 1024;
    private const int SIGKILL = 9;

    /// <summary>
    /// Returns when the init is ready. It is a child of this process: the caller reaps it. Throws <see cref="IOException"/> with the
    /// init's own sentence, or with what is wrong with the binary, when it failed; it has ended then.
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
        using var ours = new SafeFileHandle(pipe[0], true);
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
        catch (LinuxException e)
        {
            throw new IOException($"the pod init can't be started: {e.Message}; {ShimSentence.Advice}", e);
        }
        finally
        {
            _ = close(pipe[1]);
        }

        var report = new byte[MaxReportBytes];
        var length = ReadReport(pipe[0], report);
        if (length > 0 && PodInitReport.IsReady(report.AsSpan(0, length))) return process;
        // One that ended by itself is about to be reaped; its exit code tells a usage error from a crash.
        var ended = length >= 0 && WaitReadable(process.PidFd.Fd, EndedMillis);
        var exit = End(process);
        throw new IOException(length < 0
            ? $"the pod init '{shimPath}' was not ready within {ReadyMillis / 1000} s; {ShimSentence.Advice}"
            : PodInitReport.Explain(report.AsSpan(0, length), shimPath, ended ? exit : null));
    }

    private static ExitCode? End(SpawnedProcess process)
    {
        _ = process.PidFd.Signal(SIGKILL);
        _ = WaitReadable(process.PidFd.Fd, KilledMillis);
        var exit = process.PidFd.TryReap();
        process.Dispose();
        return exit;
    }

    /// <summary>
    /// Bytes until the end of file, or until the buffer is full; -1: no end within the deadline, which is the init's. This thread belongs
    /// to nobody else, so it may wait.
    /// </summary>
    private static int ReadReport(int fd, Span<byte> buffer)
    {
        var deadline = Environment.TickCount64 + ReadyMillis;
        var length = 0;
        fixed (byte* first = buffer)
        {
            while (length < buffer.Length)
            {
                if (!WaitReadable(fd, (int)Math.Max(0, deadline - Environment.TickCount64))) return -1;
                var count = (int)read(fd, first + length, buffer.Length - length);
                if (count <= 0) break;
                length += count;
            }
        }

        return length;
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
