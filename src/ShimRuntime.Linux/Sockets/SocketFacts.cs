using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>What a socket is (socket(7), ipv6(7)).</summary>
/// <param name="Inode">Names the socket, whoever has descriptors of it.</param>
/// <param name="Kind">AF_INET, AF_INET6, AF_UNIX; SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET.</param>
/// <param name="IsListening">listen(2) was called.</param>
/// <param name="Options">IPV6_V6ONLY, SO_REUSEPORT; false for other families.</param>
/// <param name="Address">What it is bound to; null when it is not.</param>
public readonly record struct SocketFacts(
    ulong Inode, (int Family, int Type) Kind, bool IsListening, (bool IsV6Only, bool SharesPort) Options, ListenerAddress? Address)
{
    private const int SO_TYPE = 3;
    private const int SO_REUSEPORT = 15;
    private const int SO_ACCEPTCONN = 30;
    private const int SO_DOMAIN = 39;
    private const int IPPROTO_IPV6 = 41;
    private const int IPV6_V6ONLY = 26;

    /// <summary>Null when the descriptor is none of a socket.</summary>
    public static SocketFacts? TryOf(int fd)
    {
        try
        {
            return Of(fd);
        }
        catch (LinuxException e) when (e.ErrorNumber is Errno.ENOTSOCK or Errno.EBADF)
        {
            return null;
        }
    }

    /// <exception cref="LinuxException">ENOTSOCK: it is none.</exception>
    public static unsafe SocketFacts Of(int fd)
    {
        var family = Option(fd, SOL_SOCKET, SO_DOMAIN);
        var isV6Only = family == AF_INET6 && Option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0;
        var listens = Option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 0;
        var shares = family != AF_UNIX && Option(fd, SOL_SOCKET, SO_REUSEPORT) != 0;
        stat status;
        if (fstat(fd, &status) < 0) throw new LinuxException("fstat", errno, $"fd {fd}");
        return new SocketFacts((ulong)status.st_ino, (family, Option(fd, SOL_SOCKET, SO_TYPE)), listens, (isV6Only, shares), AddressOf(fd));
    }

    private static unsafe ListenerAddress? AddressOf(int fd)
    {
        var address = stackalloc byte[ListenerAddress.MaxBytes];
        socklen_t length = ListenerAddress.MaxBytes;
        if (getsockname(fd, (sockaddr*)address, &length) < 0) throw new LinuxException("getsockname", errno, $"fd {fd}");
        return ListenerAddress.Parse(new ReadOnlySpan<byte>(address, Math.Min((int)(uint)length, ListenerAddress.MaxBytes)));
    }

    private static unsafe int Option(int fd, int level, int name)
    {
        var value = 0;
        socklen_t length = sizeof(int);
        return getsockopt(fd, level, name, &value, &length) >= 0 ? value : throw new LinuxException("getsockopt", errno, $"fd {fd}");
    }
}
