using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>Limits of another process (prlimit(2)).</summary>
public static partial class ResourceLimit
{
    private const int RLIMIT_NOFILE = 7;

    /// <summary>Soft limit of open files; null when the process is gone.</summary>
    public static unsafe ulong? OpenFilesOf(int pid)
    {
        var limit = stackalloc ulong[2]; // struct rlimit: soft, hard
        return PrLimit(pid, RLIMIT_NOFILE, null, limit) == 0 ? limit[0] : null;
    }

    [LibraryImport("libc", EntryPoint = "prlimit", SetLastError = true)]
    private static unsafe partial int PrLimit(int pid, int resource, ulong* next, ulong* old);
}
