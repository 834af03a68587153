using System.Globalization;
using System.Net;
using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>The server's end of a TCP connection within one network namespace, found by its two addresses.</summary>
public static unsafe class AcceptedConnection
{
    private const int LocalField = 1;
    private const int RemoteField = 2;
    private const int InodeField = 9;

    /// <summary>Inode of the socket that accept(2) gave for our connection; null: nobody has accepted it yet, or it is gone.</summary>
    /// <param name="pid">A process in that network namespace.</param>
    /// <param name="fd">Our end.</param>
    /// <exception cref="LinuxException">There is no such process.</exception>
    public static ulong? InodeOf(int pid, int fd)
    {
        var (client, server) = (Name(fd, false), Name(fd, true));
        if (client is null || server is null) return null;
        return (SocketDiag.InodeOf($"/proc/{pid}/ns/net", server, client) ?? Find(pid, server, client)) is > 0 and var inode ? inode : null;
    }

    /// <summary>For kernels without sock_diag(7): /proc/&lt;pid&gt;/net/tcp, line by line (proc_pid_net(5)).</summary>
    private static ulong Find(int pid, IPEndPoint server, IPEndPoint client)
    {
        foreach (var isV6 in (ReadOnlySpan<bool>)[false, true])
        {
            if (!isV6 && client.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork) continue;
            var (local, remote) = (Text(server, isV6), Text(client, isV6));
            foreach (var line in File.ReadLines($"/proc/{pid}/net/{(isV6 ? "tcp6" : "tcp")}"))
            {
                if (!line.Contains(remote, StringComparison.Ordinal)) continue;
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length <= InodeField || fields[LocalField] != local || fields[RemoteField] != remote) continue;
                if (ulong.TryParse(fields[InodeField], NumberStyles.None, CultureInfo.InvariantCulture, out var inode)) return inode;
            }
        }

        return 0;
    }

    /// <summary>As the kernel prints it: each 32-bit word of the address in the machine's order, then the port. IPv4 in an IPv6 table is mapped.</summary>
    private static string Text(IPEndPoint endpoint, bool isV6)
    {
        var bytes = (isV6 ? endpoint.Address.MapToIPv6() : endpoint.Address).GetAddressBytes();
        var text = new StringBuilder();
        for (var i = 0; i < bytes.Length; i += sizeof(uint)) text.Append(CultureInfo.InvariantCulture, $"{BitConverter.ToUInt32(bytes, i):X8}");
        return text.Append(CultureInfo.InvariantCulture, $":{endpoint.Port:X4}").ToString();
    }

    private static IPEndPoint? Name(int fd, bool ofPeer)
    {
        var address = stackalloc byte[ListenerAddress.MaxBytes];
        Tmds.Linux.socklen_t length = ListenerAddress.MaxBytes;
        var result = ofPeer ? getpeername(fd, (Tmds.Linux.sockaddr*)address, &length) : getsockname(fd, (Tmds.Linux.sockaddr*)address, &length);
        return result < 0 ? null : ListenerAddress.Parse(new ReadOnlySpan<byte>(address, (int)(uint)length))?.Endpoint;
    }
}
