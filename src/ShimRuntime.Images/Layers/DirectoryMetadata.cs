using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>Makes one directory look like another: owner, mode, extended attributes (overlayfs's own excepted), times.</summary>
internal static class DirectoryMetadata
{
    public static void Copy(SafeDirFd from, SafeDirFd to)
    {
        var status = from.Stat();
        to.SetOwner(status.Uid, status.Gid);
        foreach (var name in from.ListXattrs())
        {
            if (XattrPolicy.IsCopied(name) && from.TryGetXattr(name) is { } value) to.SetXattr(name, value);
        }

        to.SetMode(status.Mode);
        to.SetTimes(status.AccessTime, status.ModifyTime);
    }
}
