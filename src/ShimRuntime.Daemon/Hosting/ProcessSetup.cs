using System.Runtime.InteropServices;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>What the daemon's own process is given before anything else: its umask and its fd limit.</summary>
internal static unsafe partial class ProcessSetup
{
    private const int RLIMIT_NOFILE = 7;
    private const uint Umask = 0x12; // 0022: what children of ours inherit (ARCHITECTURE 4)

    public static void Apply()
    {
        _ = umask(Umask);
        RaiseOpenFiles();
    }

    /// <summary>
    /// Soft limit up to the hard one (getrlimit(2)): two sockets and a few fds a container. Containers inherit it, as they do the
    /// unit's LimitNOFILE; the hard limit is never touched.
    /// </summary>
    private static void RaiseOpenFiles()
    {
        ulong* limits = stackalloc ulong[2]; // rlim_cur, rlim_max
        if (getrlimit(RLIMIT_NOFILE, limits) != 0 || limits[0] >= limits[1]) return;
        limits[0] = limits[1];
        _ = setrlimit(RLIMIT_NOFILE, limits);
    }

    [LibraryImport("libc")]
    private static partial uint umask(uint mask);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getrlimit(int resource, ulong* limits);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setrlimit(int resource, ulong* limits);
}
