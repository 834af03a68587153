using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Giving privileges up, for good: capabilities(7), prctl(2). Bounding set and no_new_privs belong to the calling thread and what it starts.</summary>
public static unsafe partial class Privileges
{
    private const int PR_CAPBSET_READ = 23;
    private const int PR_CAPBSET_DROP = 24;
    private const int PR_SET_NO_NEW_PRIVS = 38;
    private const uint CapabilityVersion3 = 0x20080522;
    private const int MaxCapability = 64;

    /// <summary>No exec from here on gains anything: neither set-id bits nor file capabilities count.</summary>
    public static void SetNoNewPrivileges() => Check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS");

    /// <summary>Leaves only these capabilities in the bounding set.</summary>
    public static void LimitBoundingSet(params ReadOnlySpan<int> kept)
    {
        for (var capability = 0; capability < MaxCapability; capability++)
        {
            if (kept.Contains(capability)) continue;
            if (prctl(PR_CAPBSET_READ, (nuint)capability, 0, 0, 0) == 1) Check(prctl(PR_CAPBSET_DROP, (nuint)capability, 0, 0, 0), "prctl PR_CAPBSET_DROP");
        }
    }

    /// <summary>
    /// Becomes this user and group without supplementary groups, in every thread of the process (the C library sees to that); leaving
    /// uid 0 empties the permitted and effective sets, and this thread's inheritable set is emptied too.
    /// </summary>
    public static void BecomeUser(uint id)
    {
        if (setgroups(0, null) < 0) throw new LinuxException("setgroups", errno);
        if (setresgid(id, id, id) < 0) throw new LinuxException("setresgid", errno, $"{id}");
        if (setresuid(id, id, id) < 0) throw new LinuxException("setresuid", errno, $"{id}");
        var header = stackalloc uint[2] { CapabilityVersion3, 0 };
        var sets = stackalloc uint[6];
        Check(capset(header, sets), "capset");
    }

    private static void Check(int result, string call)
    {
        if (result < 0) throw LinuxException.Last(call);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int capset(uint* header, uint* sets);
}
