using System.Buffers.Binary;
using System.Net;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// One TCP socket of a network namespace, asked for by its two addresses (sock_diag(7), NETLINK_SOCK_DIAG). The kernel finds it in its hash
/// table: it costs the same among ten sockets and among a hundred thousand, of which /proc/net/tcp would be a text of many megabytes.
/// </summary>
internal static unsafe class SocketDiag
{
    private const int AF_NETLINK = 16;
    private const int NETLINK_SOCK_DIAG = 4;
    private const ushort SOCK_DIAG_BY_FAMILY = 20;
    private const ushort NLMSG_ERROR = 2;
    private const ushort NLM_F_REQUEST = 1;
    private const byte IPPROTO_TCP = 6;
    private const byte TCP_LISTEN = 10;
    private const int HeaderBytes = 16; // struct nlmsghdr
    private const int RequestBytes = HeaderBytes + 56; // struct inet_diag_req_v2
    private const int IdAt = HeaderBytes + 8; // of struct inet_diag_sockid in the request
    private const int CookieAt = IdAt + 40;
    private const int StateAt = HeaderBytes + 1; // in struct inet_diag_msg
    private const int InodeAt = HeaderBytes + 68;
    private const int ReplyBytes = 512;

    /// <summary>Inode of the connection's socket whose own address is <paramref name="local"/>; 0: it was not accepted yet.</summary>
    /// <param name="namespacePath">As <see cref="NetworkVisit"/> takes it.</param>
    /// <returns>Null: there is none, or this kernel can't be asked.</returns>
    /// <exception cref="LinuxException">There is no such namespace.</exception>
    public static ulong? InodeOf(string namespacePath, IPEndPoint local, IPEndPoint remote)
    {
        var fd = NetworkVisit.Run(namespacePath, () => (int)socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
        if (fd < 0) return null;
        try
        {
            var request = stackalloc byte[RequestBytes];
            Write(new Span<byte>(request, RequestBytes), local, remote);
            var reply = stackalloc byte[ReplyBytes];
            // The kernel answers within the call that asks.
            if (send(fd, request, RequestBytes, 0) != RequestBytes) return null;
            var count = (int)recv(fd, reply, ReplyBytes, 0);
            return count > 0 ? Read(new ReadOnlySpan<byte>(reply, count)) : null;
        }
        finally
        {
            _ = close(fd);
        }
    }

    private static void Write(Span<byte> request, IPEndPoint local, IPEndPoint remote)
    {
        request.Clear();
        BitConverter.TryWriteBytes(request, RequestBytes);
        BitConverter.TryWriteBytes(request[4..], SOCK_DIAG_BY_FAMILY);
        BitConverter.TryWriteBytes(request[6..], NLM_F_REQUEST);
        request[HeaderBytes] = (byte)(local.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? AF_INET : AF_INET6);
        request[HeaderBytes + 1] = IPPROTO_TCP;
        BinaryPrimitives.WriteUInt16BigEndian(request[IdAt..], (ushort)local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(request[(IdAt + 2)..], (ushort)remote.Port);
        local.Address.TryWriteBytes(request[(IdAt + 4)..], out _);
        remote.Address.TryWriteBytes(request[(IdAt + 20)..], out _);
        request[CookieAt..].Fill(0xff); // INET_DIAG_NOCOOKIE
    }

    /// <summary>What is no connection yet is found as its listener.</summary>
    private static ulong? Read(ReadOnlySpan<byte> reply)
    {
        if (reply.Length < InodeAt + sizeof(uint) || BitConverter.ToUInt16(reply[4..]) is NLMSG_ERROR) return null;
        return reply[StateAt] == TCP_LISTEN ? 0 : BitConverter.ToUInt32(reply[InodeAt..]);
    }
}
