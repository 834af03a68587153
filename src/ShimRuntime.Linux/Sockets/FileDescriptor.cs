using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>A pair of pipe ends, both close-on-exec (pipe(7)).</summary>
public readonly record struct PipeEnds(int Read, int Write);

/// <summary>Raw descriptors for single-threaded owners: each is closed by the one class that holds it, by <see cref="Close"/>.</summary>
public static unsafe class FileDescriptor
{
    public static PipeEnds CreatePipe()
    {
        var ends = stackalloc int[2];
        Check(pipe2(ends, O_CLOEXEC), "pipe2");
        return new PipeEnds(ends[0], ends[1]);
    }

    public static void SetNonBlocking(int fd) =>
        Check(fcntl(fd, F_SETFL, Check(fcntl(fd, F_GETFL), "fcntl F_GETFL") | O_NONBLOCK), "fcntl F_SETFL");

    /// <summary>Closes and forgets: sets the field to -1. Closing -1 does nothing.</summary>
    public static void Close(ref int fd)
    {
        if (fd >= 0) _ = close(fd);
        fd = -1;
    }

    /// <summary>Bytes read; 0 at the end; -1 when there is nothing yet (EAGAIN). EIO, a pty's end, counts as the end.</summary>
    public static int Read(int fd, byte* target, int bytes)
    {
        while (true)
        {
            var count = (int)read(fd, target, bytes);
            if (count >= 0) return count;
            var error = errno;
            if (error == Errno.EAGAIN) return -1;
            if (error == Errno.EIO) return 0;
            if (error != Errno.EINTR) throw new LinuxException("read", error, $"fd {fd}");
        }
    }

    private static int Check(int result, string call) => result >= 0 ? result : throw new LinuxException(call, errno);
}
