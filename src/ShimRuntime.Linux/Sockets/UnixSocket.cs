using System.Text;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Unix sockets by system call (unix(7)), for owners without a thread pool. All close-on-exec and non-blocking.</summary>
public static unsafe class UnixSocket
{
    private const int SunPathBytes = 108;
    private const int OneDescriptorControlBytes = 20; // CMSG_LEN(4): the kernel closes what a peer sends beyond one
    private const int MaxDescriptors = 8;
    private const int CmsgHeaderBytes = 16; // CMSG_LEN(0)
    private const int ControlBytes = CmsgHeaderBytes + (MaxDescriptors * sizeof(int));
    private const int OwnerOnlyMask = 0x7f; // leaves 0600

    /// <summary>Listens on <paramref name="path"/>, mode 0600 from the first moment. A file that is there is taken away first.</summary>
    public static int Listen(string path, int backlog)
    {
        var address = Address(path);
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

    /// <summary>
    /// A datagram socket at <paramref name="path"/> that everybody may send to who sees the file. A file that is there is taken away first.
    /// </summary>
    public static int BindDatagram(string path)
    {
        var address = Address(path);
        _ = unlink(address.sun_path);
        var fd = Check(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", path);
        var mask = umask((mode_t)0);
        var bound = bind(fd, (sockaddr*)&address, sizeof(sockaddr_un));
        var error = errno;
        _ = umask(mask);
        if (bound >= 0) return fd;
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

    /// <summary>A connection to whoever listens at <paramref name="path"/>.</summary>
    /// <exception cref="LinuxException">Nobody does, or its backlog is full.</exception>
    public static int Connect(string path)
    {
        var address = Address(path);
        var fd = Check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", path);
        if (connect(fd, (sockaddr*)&address, sizeof(sockaddr_un)) >= 0) return fd;
        var error = errno;
        _ = close(fd);
        throw new LinuxException("connect", error, path);
    }

    /// <summary>A datagram socket to whoever is bound to <paramref name="path"/>; with a leading @, in the abstract namespace.</summary>
    public static int ConnectDatagram(string path)
    {
        var address = Address(path);
        var length = sizeof(sockaddr_un);
        if (path.StartsWith('@'))
        {
            address.sun_path[0] = 0;
            length = sizeof(ushort) + Encoding.UTF8.GetByteCount(path); // an abstract name is all its bytes, with no terminator
        }

        var fd = Check(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", path);
        if (connect(fd, (sockaddr*)&address, length) >= 0) return fd;
        var error = errno;
        _ = close(fd);
        throw new LinuxException("connect", error, path);
    }

    /// <summary>Sends bytes together with descriptors (SCM_RIGHTS, unix(7)), all or nothing; false when the socket has no room for them.</summary>
    public static bool TrySend(int socket, ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors)
    {
        fixed (byte* data = bytes)
        {
            var control = stackalloc byte[ControlBytes];
            var vector = new iovec { iov_base = data, iov_len = (size_t)(ulong)bytes.Length };
            msghdr message = default;
            message.msg_iov = &vector;
            message.msg_iovlen = 1;
            if (descriptors.Length > 0)
            {
                message.msg_control = control;
                message.msg_controllen = (socklen_t)(ulong)(CmsgHeaderBytes + ((descriptors.Length * sizeof(int) + 7) & ~7));
                var header = (cmsghdr*)control;
                header->cmsg_len = (socklen_t)(ulong)(CmsgHeaderBytes + (descriptors.Length * sizeof(int)));
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                descriptors.CopyTo(new Span<int>(control + CmsgHeaderBytes, MaxDescriptors));
            }

            return (long)sendmsg(socket, &message, MSG_NOSIGNAL) == bytes.Length;
        }
    }

    /// <summary>As recv(2): bytes, 0 at the end, -1 for nothing now. Descriptors that come along are added to <paramref name="descriptors"/>.</summary>
    public static int Receive(int socket, Span<byte> target, List<int> descriptors)
    {
        fixed (byte* data = target)
        {
            var control = stackalloc byte[ControlBytes];
            var vector = new iovec { iov_base = data, iov_len = (size_t)(ulong)target.Length };
            msghdr message = default;
            message.msg_iov = &vector;
            message.msg_iovlen = 1;
            message.msg_control = control;
            message.msg_controllen = ControlBytes;
            var count = (int)(long)recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
            if (count < 0) return errno is Errno.EAGAIN or Errno.EINTR ? -1 : 0;
            var header = CMSG_FIRSTHDR(&message);
            if (header is null || header->cmsg_type != SCM_RIGHTS) return count;
            var handed = ((int)(uint)header->cmsg_len - CmsgHeaderBytes) / sizeof(int);
            for (var i = 0; i < handed; i++) descriptors.Add(((int*)CMSG_DATA(header))[i]);
            return count;
        }
    }

    private static sockaddr_un Address(string path)
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
        return address;
    }

    private static int Check(int result, string call, string subject) =>
        result >= 0 ? result : throw new LinuxException(call, errno, subject);
}
