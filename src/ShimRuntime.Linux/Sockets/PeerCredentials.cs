using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Who is at the other end of a Unix socket: SO_PEERCRED (unix(7)), as the kernel noted at connect(2) or listen(2).</summary>
public readonly record struct PeerCredentials(int Pid, uint Uid, uint Gid)
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    /// <summary>Root, or the user that we run as.</summary>
    public bool IsTrusted => Uid == 0 || Uid == (uint)geteuid();

    public static unsafe PeerCredentials Of(int socket)
    {
        var credentials = stackalloc int[3];
        Tmds.Linux.socklen_t size = 12;
        if (getsockopt(socket, SolSocket, SoPeerCred, credentials, &size) < 0) throw new LinuxException("getsockopt SO_PEERCRED", errno);
        return new PeerCredentials(credentials[0], (uint)credentials[1], (uint)credentials[2]);
    }
}
