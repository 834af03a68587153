using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// What a TCP listener is to all processes that have a descriptor of it, and what each of them can change for the others: shutdown(2) ends
/// it, and SO_LINGER goes to every connection that comes from then on, whose close(2) then drops what was not sent yet (socket(7), tcp(7)).
/// </summary>
/// <param name="Backlog">As listen(2) was given it, net.core.somaxconn at most.</param>
public readonly record struct ListenerState(int Backlog, bool Lingers, int LingerSeconds)
{
    private const int SO_LINGER = 13;
    private const int SO_ACCEPTCONN = 30;
    private const int IPPROTO_TCP = 6;
    private const int TCP_INFO = 11;
    private const int BacklogAt = 28; // tcpi_sacked of a listener, struct tcp_info

    /// <summary>Null when the socket is no TCP listener.</summary>
    public static unsafe ListenerState? TryOf(int fd)
    {
        const int infoBytes = BacklogAt + sizeof(int);
        if (!Listens(fd)) return null;
        var info = stackalloc byte[infoBytes];
        var linger = stackalloc int[2];
        socklen_t length = infoBytes;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length) < 0) return null; // a Unix one
        length = 2 * sizeof(int);
        if (getsockopt(fd, SOL_SOCKET, SO_LINGER, linger, &length) < 0) return null;
        return new ListenerState(*(int*)(info + BacklogAt), linger[0] != 0, linger[1]);
    }

    /// <summary>Makes a socket again what it was; false: it was that all along.</summary>
    /// <exception cref="LinuxException">It can't be made to listen.</exception>
    public unsafe bool Restore(int fd)
    {
        if (TryOf(fd) is not { } now)
        {
            if (listen(fd, Backlog) < 0) throw new LinuxException("listen", errno, $"fd {fd}");
            SetLinger(fd);
            return true;
        }

        if ((now.Lingers, now.LingerSeconds) == (Lingers, LingerSeconds)) return false;
        SetLinger(fd);
        return true;
    }

    private unsafe void SetLinger(int fd)
    {
        var linger = stackalloc int[] { Lingers ? 1 : 0, LingerSeconds };
        _ = setsockopt(fd, SOL_SOCKET, SO_LINGER, linger, 2 * sizeof(int));
    }

    private static unsafe bool Listens(int fd)
    {
        var value = 0;
        socklen_t length = sizeof(int);
        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) >= 0 && value != 0;
    }
}
