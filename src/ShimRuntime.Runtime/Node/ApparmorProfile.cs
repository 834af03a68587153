namespace ShimRuntime.Runtime.Node;

/// <summary>
/// The AppArmor profile behind RuntimeDefault (apparmor.d(5)). It lets a container do what its capabilities, namespaces and seccomp filter
/// let it, and takes away what none of them reaches: kernel-wide files of /proc and /sys, mounts, and other profiles' processes.
/// </summary>
public static class ApparmorProfile
{
    /// <summary>Ours to load: whatever has this name in the kernel is replaced at the daemon's start.</summary>
    public const string Name = "shimruntime-default";

    private const string Abi = "/etc/apparmor.d/abi/3.0";

    // What the rules don't mention of kinds that newer kernels mediate (userns, io_uring) would be denied; the ABI keeps them out of it.
    private static string AbiRule => File.Exists(Abi) ? "abi <abi/3.0>,\n" : "";

    /// <summary>
    /// Self-contained: includes of the distribution may be missing. In an allow list a deny can't be lifted again, hence the rules that
    /// spell out "all but": namespaced sysctls (kernel.shm*, kernel.msg*, kernel.sem*, fs.mqueue.*, net.*) and the container's cgroup.
    /// </summary>
    public static string Text => $$"""
        {{AbiRule}}
        profile {{Name}} flags=(attach_disconnected,mediate_deleted) {
          file,
          network,
          unix,
          capability,
          umount,

          # Stops come from the host, execs and their ends from the runtime, the rest from the container's own processes.
          signal (receive) peer=unconfined,
          signal (receive) peer={runc,crun},
          signal (send, receive) peer={{Name}},
          ptrace (trace, read, tracedby, readby) peer={{Name}},

          deny mount,

          deny /proc/* wklx,
          deny /proc/{kcore,kmem,mem,sysrq-trigger} rwklx,
          deny /proc/[^1-9s]*/** wklx,
          deny /proc/s[^y]*/** wklx,
          deny /proc/sys[^/]*/** wklx,
          deny /proc/sys/[^fkn]** wklx,
          deny /proc/sys/f[^s]** wklx,
          deny /proc/sys/fs/[^m]** wklx,
          deny /proc/sys/fs/m[^q]** wklx,
          deny /proc/sys/k[^e]** wklx,
          deny /proc/sys/kernel/[^ms]** wklx,
          deny /proc/sys/kernel/m[^s]** wklx,
          deny /proc/sys/kernel/ms[^g]** wklx,
          deny /proc/sys/kernel/s[^eh]** wklx,
          deny /proc/sys/kernel/se[^m]** wklx,
          deny /proc/sys/kernel/sh[^m]** wklx,

          deny /sys/[^f]*/** wklx,
          deny /sys/f[^s]*/** wklx,
          deny /sys/fs/[^c]*/** wklx,
          deny /sys/fs/c[^g]*/** wklx,
          deny /sys/firmware/** rwklx,
          deny /sys/kernel/security/** rwklx,
          deny /sys/devices/virtual/powercap/** rwklx,
        }

        """;
}
