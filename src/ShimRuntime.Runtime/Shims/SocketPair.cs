using System.Net.Sockets;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Runtime.Shims;

/// <summary>socketpair(2): a pipe whose end can be awaited without a thread, as a pipe's cannot in .NET.</summary>
internal static unsafe class SocketPair
{
    public static (Socket Ours, Socket Theirs) Create()
    {
        var fds = stackalloc int[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) throw new LinuxException("socketpair", errno);
        return (new Socket(new SafeSocketHandle(fds[0], true)), new Socket(new SafeSocketHandle(fds[1], true)));
    }
}
