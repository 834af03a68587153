namespace ShimRuntime.Linux;

/// <summary>How openat2(2) may walk a path, linux/openat2.h.</summary>
[Flags]
public enum ResolveFlags : ulong
{
    None = 0,

    /// <summary>EXDEV at a mount point.</summary>
    NoMounts = 0x01,

    /// <summary>ELOOP at a /proc magic link.</summary>
    NoMagicLinks = 0x02,

    /// <summary>ELOOP at any symbolic link, the last component included.</summary>
    NoSymlinks = 0x04,

    /// <summary>EXDEV when "..", an absolute path or a link leaves the directory.</summary>
    Beneath = 0x08,

    /// <summary>The directory is "/" for "..", absolute paths and links, as chroot(2) would make it.</summary>
    InRoot = 0x10,
}
