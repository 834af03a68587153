using System.Net.Sockets;

namespace ShimRuntime.Examples.Kestrel;

/// <summary>sd_notify(3): one datagram to the socket in $NOTIFY_SOCKET.</summary>
internal static class Readiness
{
    /// <summary>Says READY=1; does nothing where nobody listens.</summary>
    public static void Notify()
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 0 } path) return;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.SendTo("READY=1\n"u8.ToArray(), new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path));
    }
}
