namespace ShimRuntime.Linux;

/// <summary>The flags of mount(2), linux/mount.h. Propagation has a type of its own: <see cref="MountPropagation"/>.</summary>
[Flags]
public enum MountFlags : ulong
{
    None = 0,
    ReadOnly = 1,
    NoSuid = 1 << 1,
    NoDev = 1 << 2,
    NoExec = 1 << 3,
    Synchronous = 1 << 4,
    Remount = 1 << 5,
    NoAtime = 1 << 10,
    NoDirAtime = 1 << 11,
    Bind = 1 << 12,
    Move = 1 << 13,
    Recursive = 1 << 14,
    RelAtime = 1 << 21,
    StrictAtime = 1 << 24,
}

/// <summary>How mount and unmount events travel between peers, mount_namespaces(7). The values are mount(2)'s.</summary>
public enum MountPropagation : ulong
{
    Unbindable = 1 << 17,
    Private = 1 << 18,
    Slave = 1 << 19,
    Shared = 1 << 20,
}
