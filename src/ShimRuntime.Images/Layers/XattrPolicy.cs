using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// Which extended attributes of an archive are set: file capabilities, POSIX ACLs (the kernel checks both) and user.*. Dropped, and named
/// in the log, are trusted.* (overlayfs reads its redirects and opaque marks there: an archive could point into other layers),
/// user.overlay.* (the same for unprivileged overlays), security.selinux (the runtime labels), security.ima and evm (keyed to another
/// host), and what is unknown.
/// </summary>
internal static class XattrPolicy
{
    public static ReadOnlySpan<byte> DefaultAcl => "system.posix_acl_default"u8;

    /// <summary>True when the attribute is to be set on an inode of this kind.</summary>
    public static bool Allows(ReadOnlySpan<byte> name, FileKind kind)
    {
        if (name.SequenceEqual("security.capability"u8)) return kind == FileKind.Regular;
        if (name.SequenceEqual("system.posix_acl_access"u8)) return kind != FileKind.Symlink;
        if (name.SequenceEqual(DefaultAcl)) return kind == FileKind.Directory;
        if (!name.StartsWith("user."u8) || name.StartsWith("user.overlay."u8)) return false;

        // xattr(7): user attributes exist on files and directories only.
        return kind is FileKind.Regular or FileKind.Directory && name.Length <= FileName.MaxBytes && !name.Contains((byte)0);
    }

    /// <summary>True for attributes of a directory on disk that a copy of its metadata takes along: all but overlayfs's own.</summary>
    public static bool IsCopied(ReadOnlySpan<byte> name) => !name.StartsWith("trusted."u8) && !name.StartsWith("user.overlay."u8);
}
