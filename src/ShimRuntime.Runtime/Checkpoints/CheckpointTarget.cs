using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>Where an archive goes, and how long making it may take.</summary>
internal sealed record CheckpointTarget(string Path, TimeSpan Timeout, string Failure)
{
    private const int MaxPathBytes = 4095;
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromHours(1); // a shim holds a container no longer

    /// <param name="location">With the request's field, for the refusal.</param>
    /// <param name="seconds">0: our own.</param>
    /// <exception cref="RuntimeFault">InvalidArgument.</exception>
    public static CheckpointTarget Of((string Field, string Path) location, long seconds, string failure)
    {
        CheckPath(location, failure);
        var (field, path) = location;
        var shown = ContainerPath.Show(path);
        if (path.EndsWith('/')) throw RuntimeFault.InvalidArgument($"{failure}: {field} '{shown}' names no file");
        if (seconds < 0)
            throw RuntimeFault.InvalidArgument($"{failure}: timeout {seconds} is negative; give 0 for {DefaultTimeout.TotalSeconds:0} s");
        var directory = System.IO.Path.GetDirectoryName(path)!;
        if (!Directory.Exists(directory))
            throw RuntimeFault.InvalidArgument($"{failure}: the directory of {field} '{shown}' does not exist; make it first");
        if (KindOf(path) is not (null or FileKind.Regular))
            throw RuntimeFault.InvalidArgument($"{failure}: {field} '{shown}' is there and is no regular file; name another");
        var timeout = seconds == 0 ? DefaultTimeout : seconds > LongestTimeout.TotalSeconds ? LongestTimeout : TimeSpan.FromSeconds(seconds);
        return new CheckpointTarget(path, timeout, failure);
    }

    /// <summary>Absolute, plain, of a length that the kernel takes.</summary>
    public static void CheckPath((string Field, string Path) location, string failure)
    {
        var (field, path) = location;
        var shown = ContainerPath.Show(path);
        if (path.Length == 0) throw RuntimeFault.InvalidArgument($"{failure}: {field} is empty; give the absolute path of an archive");
        if (path[0] != '/') throw RuntimeFault.InvalidArgument($"{failure}: {field} '{shown}' is not absolute");
        if (path.Contains('\0') || System.Text.Encoding.UTF8.GetByteCount(path) > MaxPathBytes)
            throw RuntimeFault.InvalidArgument($"{failure}: {field} has a NUL or is longer than {MaxPathBytes} bytes");
        if (path.Split('/').Contains(".."))
            throw RuntimeFault.InvalidArgument($"{failure}: {field} '{shown}' has '..' in it; give the path without");
    }

    /// <summary>The entry itself: a rename replaces a link, a device or a socket as readily as a file.</summary>
    private static FileKind? KindOf(string path)
    {
        using var root = SafeDirFd.Open("/");
        using var inode = root.TryOpen(System.Text.Encoding.UTF8.GetBytes(path[1..]), O_PATH | O_NOFOLLOW, ResolveFlags.None);
        return inode is null ? null : FileMetadata.Stat(inode).Kind;
    }
}
