using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// A moment of this thread in another network namespace, to make a socket there: a socket stays where it was made (socket(7),
/// network_namespaces(7)). For a process of one thread; others take <see cref="NamespaceThread"/>.
/// </summary>
public static unsafe class NetworkVisit
{
    /// <param name="path">A pin or /proc/&lt;pid&gt;/ns/net.</param>
    /// <param name="make">Makes the socket and waits for nothing.</param>
    /// <exception cref="LinuxException">There is no such namespace, or what <paramref name="make"/> throws.</exception>
    public static int Run(string path, Func<int> make)
    {
        using var own = new CString("/proc/thread-self/ns/net");
        var home = open(own.Pointer, O_RDONLY | O_CLOEXEC);
        if (home < 0) throw new LinuxException("open", errno, "/proc/thread-self/ns/net");
        try
        {
            LinuxNamespace.Enter(path, NamespaceKinds.Network);
            try
            {
                return make();
            }
            finally
            {
                // Left behind there, this process would do all that it does in the pod's network.
                if (setns(home, (int)NamespaceKinds.Network) < 0) Environment.FailFast($"setns back from {path}: errno {errno}");
            }
        }
        finally
        {
            _ = close(home);
        }
    }
}
