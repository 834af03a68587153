using System.Buffers.Binary;
using System.Net;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>TCP sockets by system call (tcp(7)), for owners without a thread pool. All close-on-exec and non-blocking.</summary>
public static unsafe class TcpSocket
{
    private const int IPPROTO_TCP = 6;
    private const int TCP_NODELAY = 1;
    private const int TCP_KEEPIDLE = 4;
    private const int TCP_KEEPINTVL = 5;
    private const int TCP_KEEPCNT = 6;
    private const int SHUT_WR = 1;
    private const int KeepAliveIdleSeconds = 30;
    private const int KeepAliveIntervalSeconds = 10;
    private const int KeepAliveProbes = 6;

    /// <summary>Listens on <paramref name="endpoint"/>; port 0: the kernel chooses.</summary>
    /// <exception cref="LinuxException">EADDRINUSE: the port is taken.</exception>
    public static int Listen(IPEndPoint endpoint, int backlog)
    {
        var address = stackalloc byte[AddressBytes];
        var length = WriteAddress(address, endpoint);
        var fd = Check(socket(*(ushort*)address, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", endpoint);
        SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (bind(fd, (sockaddr*)address, length) >= 0 && listen(fd, backlog) >= 0) return fd;
        var error = errno;
        _ = close(fd);
        throw new LinuxException("bind", error, $"{endpoint}");
    }

    /// <summary>The port that a listener has.</summary>
    public static int PortOf(int fd)
    {
        var address = stackalloc byte[AddressBytes];
        socklen_t length = AddressBytes;
        if (getsockname(fd, (sockaddr*)address, &length) < 0) throw new LinuxException("getsockname", errno);
        return BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(address + 2, 2));
    }

    /// <summary>Begins a connection; it is made, or <see cref="ErrorOf"/> says why not, when the socket is writable.</summary>
    /// <exception cref="LinuxException">Refused at once.</exception>
    public static int BeginConnect(IPEndPoint endpoint)
    {
        var address = stackalloc byte[AddressBytes];
        var length = WriteAddress(address, endpoint);
        var fd = Check(socket(*(ushort*)address, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket", endpoint);
        if (connect(fd, (sockaddr*)address, length) >= 0 || errno == Errno.EINPROGRESS) return fd;
        var error = errno;
        _ = close(fd);
        throw new LinuxException("connect", error, $"{endpoint}");
    }

    /// <summary>SO_ERROR: 0, or the errno that the connection failed with.</summary>
    public static int ErrorOf(int fd)
    {
        var error = 0;
        socklen_t length = sizeof(int);
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
    }

    /// <summary>Small writes leave at once, and a peer that has silently gone is noticed within two minutes.</summary>
    public static void MakeInteractive(int fd)
    {
        SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, KeepAliveIdleSeconds);
        SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, KeepAliveIntervalSeconds);
        SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, KeepAliveProbes);
    }

    /// <summary>Says that nothing more is sent; receiving goes on.</summary>
    public static void EndSending(int fd) => _ = shutdown(fd, SHUT_WR);

    private const int AddressBytes = 28; // sizeof(struct sockaddr_in6)

    private static int WriteAddress(byte* target, IPEndPoint endpoint)
    {
        var span = new Span<byte>(target, AddressBytes);
        span.Clear();
        var isV6 = endpoint.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        *(ushort*)target = (ushort)(isV6 ? AF_INET6 : AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(span[2..], (ushort)endpoint.Port);
        endpoint.Address.TryWriteBytes(isV6 ? span[8..] : span[4..], out _);
        return isV6 ? AddressBytes : 16;
    }

    private static void SetOption(int fd, int level, int name, int value) => _ = setsockopt(fd, level, name, &value, sizeof(int));

    private static int Check(int result, string call, IPEndPoint endpoint) =>
        result >= 0 ? result : throw new LinuxException(call, errno, $"{endpoint}");
}
