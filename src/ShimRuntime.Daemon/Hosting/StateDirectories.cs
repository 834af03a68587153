using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// The two trees of ours. Nobody but root lists either; the volatile one may be traversed, because a container's root is below it.
/// </summary>
internal static class StateDirectories
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Traversable = Private | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    public static void Create(string root, string state)
    {
        DurableDirectory.Make(root, Private);
        Make(root, Private);
        Make(state, Traversable);
    }

    private static void Make(string path, UnixFileMode mode)
    {
        Directory.CreateDirectory(path, mode);
        File.SetUnixFileMode(path, mode); // one that was there may be wider (CVE-2021-41103)
    }
}
