using System.Text;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Unix stream sockets by system call (unix(7)), for owners without a thread pool. All close-on-exec and non-blocking.</summary>
public static unsafe class UnixSocket
{
    private const int SunPathBytes = 108;
    private const int OneDescriptorControlBytes = 20; // CMSG_LEN(4): the kernel closes what a peer sends beyond one
    private const int OwnerOnlyMask = 0x7f; // leaves 0600

    /// <summary>Listens on <paramref name="path"/>, mode 0600 from the first moment. A file that is there is taken away first.</summary>
    public static int Listen(string path, int backlog)
    {
        sockaddr_un address = default;
        address.sun_family = (ushort)AF_UNIX;
        var bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length >= SunPathBytes)
        {
            throw RuntimeFault.InvalidArgument(
                $"socket path '{path}' has {bytes.Length} bytes, at most {SunPathBytes - 1} fit; choose a shorter state directory");
        }

        bytes.CopyTo(new Span<byte>(address.sun_path, SunPathBytes));
        _ = unlink(address.sun_path);
        var fd = Check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", path);
        var mask = umask((mode_t)OwnerOnlyMask);
        var bound = bind(fd, (sockaddr*)&address, sizeof(sockaddr_un));
        var error = errno;
        _ = umask(mask);
        if (bound >= 0 && listen(fd, backlog) >= 0) return fd;
        if (bound >= 0) error = errno;
        _ = close(fd);
        throw new LinuxException("bind", error, path);
    }

    /// <summary>The next connection; -1 when none waits.</summary>
    public static int Accept(int listener)
    {
        while (true)
        {
            var fd = accept4(listener, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd >= 0) return fd;
            var error = errno;
            if (error is Errno.EAGAIN or Errno.ECONNRESET or 103) return -1; // 103: ECONNABORTED, it left while it waited
            if (error != Errno.EINTR) throw new LinuxException("accept4", error);
        }
    }

    /// <summary>Takes one descriptor that a peer sends (SCM_RIGHTS); -1 when no message is there yet.</summary>
    /// <exception cref="RuntimeFault">Internal: the peer closed, or sent no descriptor.</exception>
    public static int ReceiveDescriptor(int socket)
    {
        var data = stackalloc byte[4096];
        var control = stackalloc byte[OneDescriptorControlBytes];
        var vector = new iovec { iov_base = data, iov_len = 4096 };
        msghdr message = default;
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = OneDescriptorControlBytes;
        var count = (long)recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (count < 0 && errno is Errno.EAGAIN or Errno.EINTR) return -1;
        var header = count < 0 ? null : CMSG_FIRSTHDR(&message);
        if (header is null || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            throw RuntimeFault.Internal("failed to receive a descriptor: the peer sent none");
        return *(int*)CMSG_DATA(header);
    }

    private static int Check(int result, string call, string subject) =>
        result >= 0 ? result : throw new LinuxException(call, errno, subject);
}
