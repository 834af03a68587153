using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>
/// A directory of root's that lies on the way to what a pod's containers see. The root of a user namespace is any user of the host, and has
/// to pass; nobody else of the host's users may.
/// </summary>
internal static class PassableDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const uint GroupMaySearch = 0x1C8; // 0710

    /// <summary>The one above all pods', or all containers': anybody passes, nobody looks, and each directory in it decides whom it lets in.</summary>
    public static void MakeRoot(string path)
    {
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, OwnerOnly | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }

    /// <summary>Made unless it is there.</summary>
    /// <param name="users">Of the pod; null: the host's, whose root passes anyway.</param>
    public static void Make(string path, UserMappings? users)
    {
        Directory.CreateDirectory(path, OwnerOnly);
        if (users is null) return;
        using var directory = SafeDirFd.Open(path);
        directory.SetOwner(0, users.Gids.Outside);
        directory.SetMode(GroupMaySearch);
    }
}
