using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>A pair of pipe ends, both close-on-exec (pipe(7)).</summary>
public readonly record struct PipeEnds(int Read, int Write);

/// <summary>Raw descriptors for single-threaded owners: each is closed by the one class that holds it, by <see cref="Close"/>.</summary>
public static unsafe class FileDescriptor
{
    private const int F_DUPFD_CLOEXEC = 1030;
    private const int F_SETPIPE_SZ = 1031;

    public static PipeEnds CreatePipe()
    {
        var ends = stackalloc int[2];
        Check(pipe2(ends, O_CLOEXEC), "pipe2");
        return new PipeEnds(ends[0], ends[1]);
    }

    /// <summary>
    /// A pipe that belongs to a user and group of the host. The one who may open it anew, by /dev/stdout, is by its owner and mode; to root of
    /// a user namespace a pipe of the host's root is nobody's.
    /// </summary>
    public static PipeEnds CreatePipe((uint Uid, uint Gid) owner)
    {
        var pipe = CreatePipe();
        if (owner == default || fchown(pipe.Read, (uid_t)owner.Uid, (gid_t)owner.Gid) == 0) return pipe; // both ends are one inode
        var error = errno;
        _ = close(pipe.Read);
        _ = close(pipe.Write);
        throw new LinuxException("fchown", error, "pipe");
    }

    /// <summary>Blocks until there is something to read, or the other side has ended; false: not within the time (0: a look).</summary>
    public static bool WaitReadable(int fd, int millis)
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

    public static void SetNonBlocking(int fd) =>
        Check(fcntl(fd, F_SETFL, Check(fcntl(fd, F_GETFL), "fcntl F_GETFL") | O_NONBLOCK), "fcntl F_SETFL");

    public static void SetCloseOnExec(int fd) => Check(fcntl(fd, F_SETFD, FD_CLOEXEC), "fcntl F_SETFD");

    /// <summary>For execveat(2) of this very process: the descriptor is the next program's too.</summary>
    public static void KeepAcrossExec(int fd) => Check(fcntl(fd, F_SETFD, 0), "fcntl F_SETFD");

    public static bool IsOpen(int fd) => fcntl(fd, F_GETFD) >= 0;

    /// <summary>False for what is no socket, one that does not listen, and what is not open.</summary>
    public static bool IsListeningSocket(int fd)
    {
        int listens;
        socklen_t length = sizeof(int);
        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, (byte*)&listens, &length) == 0 && listens == 1;
    }

    public static bool IsPipe(int fd)
    {
        stat status;
        return fstat(fd, &status) == 0 && ((uint)status.st_mode & (uint)S_IFMT) == (uint)S_IFIFO;
    }

    /// <summary>One byte, for whoever waits for just that; one that has gone is no error.</summary>
    public static void WriteByte(int fd)
    {
        byte one = 1;
        _ = Write(fd, &one, 1);
    }

    /// <summary>Closes and forgets: sets the field to -1. Closing -1 does nothing.</summary>
    public static void Close(ref int fd)
    {
        if (fd >= 0) _ = close(fd);
        fd = -1;
    }

    /// <summary>Bytes read; 0 at the end; -1 when there is nothing yet (EAGAIN). A pty's EIO and a socket's reset count as the end.</summary>
    public static int Read(int fd, byte* target, int bytes)
    {
        while (true)
        {
            var count = (int)read(fd, target, bytes);
            if (count >= 0) return count;
            var error = errno;
            if (error == Errno.EAGAIN) return -1;
            if (error is Errno.EIO or Errno.ECONNRESET or Errno.ETIMEDOUT) return 0;
            if (error != Errno.EINTR) throw new LinuxException("read", error, $"fd {fd}");
        }
    }

    /// <summary>Bytes written; -1 when there is no room now (EAGAIN); -2 when nobody will ever read (EPIPE, ECONNRESET, a closed terminal's EIO).</summary>
    public static int Write(int fd, byte* source, int bytes)
    {
        while (true)
        {
            var count = (int)write(fd, source, bytes);
            if (count >= 0) return count;
            var error = errno;
            if (error == Errno.EAGAIN) return -1;
            if (error is Errno.EPIPE or Errno.ECONNRESET or Errno.EIO or Errno.ETIMEDOUT) return -2;
            if (error != Errno.EINTR) throw new LinuxException("write", error, $"fd {fd}");
        }
    }

    /// <summary>As <see cref="Read"/> on a socket; one that was reset has ended.</summary>
    public static int TryReceive(int fd, byte* target, int bytes)
    {
        while (true)
        {
            var count = (int)recv(fd, target, bytes, 0);
            if (count >= 0) return count;
            if (errno == Errno.EAGAIN) return -1;
            if (errno != Errno.EINTR) return 0;
        }
    }

    /// <summary>As <see cref="Write"/> on a socket, whatever it failed with.</summary>
    public static int TrySend(int fd, byte* source, int bytes)
    {
        while (true)
        {
            var count = (int)send(fd, source, bytes, MSG_NOSIGNAL);
            if (count >= 0) return count;
            if (errno == Errno.EAGAIN) return -1;
            if (errno != Errno.EINTR) return -2;
        }
    }

    /// <summary>A second descriptor of the same open file, close-on-exec.</summary>
    public static int Duplicate(int fd) => Check(fcntl(fd, F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD_CLOEXEC");

    /// <summary>Asks for a pipe's buffer of that size (F_SETPIPE_SZ); one that is refused stays as it was.</summary>
    public static void TrySetPipeBytes(int fd, int bytes) => _ = fcntl(fd, F_SETPIPE_SZ, bytes);

    private static int Check(int result, string call) => result >= 0 ? result : throw new LinuxException(call, errno);
}
